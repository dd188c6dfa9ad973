//! The configuration as a list of keys, values and origins; secrets are named but not shown.

use serde::Serialize;
use serde_json::Value;

use super::leaf::leaves;
use super::merge::nearest;
use super::{ConfigError, Loaded, Origin};

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The key, dotted from the root.
    pub key: String,
    /// Its value; `(hidden)` for a secret that is set.
    pub value: Value,
    /// Where it came from, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Loaded {
    /// Every setting there is, in the order of the tree.
    ///
    /// # Errors
    /// If a section holds something that is no plain value, which is a fault of ours.
    pub fn shown(&self, with_origin: bool) -> Result<Vec<Shown>, ConfigError> {
        let tree = serde_json::to_value(&self.config)?;
        let show = |(key, value): (String, &Value)| {
            let origin = nearest(&self.origins, &key);
            let is_hidden = is_secret(&key) || matches!(origin, Origin::SecretFile { .. });
            let value = if is_hidden && !value.is_null() {
                Value::from("(hidden)")
            } else {
                value.clone()
            };
            Shown {
                key,
                value,
                origin: with_origin.then(|| origin.to_string()),
            }
        };
        Ok(leaves(&tree).into_iter().map(show).collect())
    }
}

fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    ["password", "secret", "token", "key"]
        .iter()
        .any(|word| name == *word || name.ends_with(&format!("_{word}")))
}
