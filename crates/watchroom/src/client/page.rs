//! Lists over their pages.

use serde_json::{Value, json};

use super::{CallError, Client};

/// Most items the API gives at once.
const PAGE: usize = 500;

impl Client {
    /// A list from its start: at most `most` items over as many pages as that takes. `next_cursor` tells
    /// whether there is more.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list(&self, path: &str, query: &[(&str, String)], most: usize) -> Result<Value, CallError> {
        let mut items: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let limit = most.saturating_sub(items.len()).clamp(1, PAGE);
            let mut query = query.to_vec();
            query.push(("limit", limit.to_string()));
            query.push(("cursor", cursor));
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            cursor = page
                .get("next_cursor")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if cursor.is_empty() || items.len() >= most {
                let next = (!cursor.is_empty()).then_some(cursor);
                return Ok(json!({ "items": items, "next_cursor": next }));
            }
        }
    }
}
