//! `/api/openapi.json`: the API described, from the route table.

use std::sync::OnceLock;

use axum::extract::State;
use http::Method;
use utoipa::openapi::OpenApi;
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{Problem, Route, Written};

use crate::Api;

/// The document for this version.
#[must_use]
pub fn document() -> OpenApi {
    watchroom_web::document(&crate::routes(), env!("CARGO_PKG_VERSION"))
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/openapi.json",
            act::LookAround,
            RouteClass::Static,
            show,
        )
        .says("This description (OpenAPI 3.1)"),
    ]
}

async fn show(State(api): State<Api>) -> Result<Written, Problem> {
    api.description().written()
}

/// The document as it is sent, written when it is first asked for: nothing in it changes while we run.
#[derive(Debug, Default)]
pub(crate) struct Description(OnceLock<Written>);

impl Description {
    fn written(&self) -> Result<Written, Problem> {
        if let Some(written) = self.0.get() {
            return Ok(written.clone());
        }
        let written = Written::of(&document())?;
        Ok(self.0.get_or_init(|| written).clone())
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use serde_json::Value;

    use super::*;

    /// Every name that something in the document refers to.
    fn references<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[tokio::test]
    async fn it_is_written_once_and_given_many_times() {
        let description = Description::default();
        let mut starts = Vec::new();
        for _ in 0..2 {
            let body = description.written().unwrap().into_response().into_body();
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(read, serde_json::to_value(document()).unwrap());
            starts.push(bytes.as_ptr());
        }
        assert_eq!(starts[0], starts[1], "the second answer was written anew");
    }

    #[test]
    fn whatever_is_referred_to_is_there_and_each_list_is_of_its_own_things() {
        let document = serde_json::to_value(document()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50, "{}", found.len());
        for name in found {
            let pointer = name.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "nothing is at {name}");
        }
        for (path, things) in [
            ("nodes", "NodeView"),
            ("users", "UserView"),
            ("servers", "ServerView"),
        ] {
            let page = &document["components"]["schemas"][format!("{things}Page")];
            assert_eq!(
                page["properties"]["items"]["items"]["$ref"],
                format!("#/components/schemas/{things}"),
                "{path}"
            );
            let gives = &document["paths"][format!("/api/{path}")]["get"]["responses"]["200"];
            assert_eq!(
                gives["content"]["application/json"]["schema"]["$ref"],
                format!("#/components/schemas/{things}Page")
            );
        }
    }
}
