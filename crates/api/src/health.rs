//! `/health`: whether we live, for balancers. It accepts any host name and is never limited.

use std::fmt::Debug;

use async_trait::async_trait;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{Json, Route};

use crate::{Api, HostFacts, RoleFacts};

/// One part of the Host and whether it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Part {
    /// Its name: `database`, `link`, `limits`, `node`.
    pub name: &'static str,
    /// What is wrong with it, if anything is.
    pub trouble: Option<String>,
    /// What is weaker than it should be, while it still does its work.
    pub weakness: Option<String>,
}

/// Asks each part of the Host whether it works, by really using it.
#[async_trait]
pub trait Vitals: Send + Sync + Debug + 'static {
    /// All parts. Answers within a second, whatever hangs.
    async fn parts(&self) -> Vec<Part>;

    /// What this Host is, with its parts.
    async fn facts(&self) -> HostFacts;

    /// What this machine is in the cluster.
    fn role(&self) -> RoleFacts;
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/health",
            act::LookAround,
            RouteClass::Health,
            health,
        )
        .says("Whether this Host lives: 200 healthy, 503 unhealthy"),
    ]
}

async fn health(State(api): State<Api>) -> (StatusCode, Json<Value>) {
    let is_healthy = api.vitals.parts().await.iter().all(|part| part.trouble.is_none());
    match is_healthy {
        true => (StatusCode::OK, Json(json!({ "status": "healthy" }))),
        false => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "status": "unhealthy" })),
        ),
    }
}
