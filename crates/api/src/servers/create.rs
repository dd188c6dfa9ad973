//! `POST /api/servers`.

use axum::extract::State;
use http::StatusCode;
use watchroom_fleet::Acted;
use watchroom_fleet::servers::NewServer;
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Body, Caller, IdempotencyHeader, Json, Problem};

use super::idempotency;
use crate::Api;

/// A node that is not there, or that the caller may not know of.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("there is no such node")]
struct NoSuchNode;

impl Fault for NoSuchNode {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
    fn slug(&self) -> &'static str {
        "invalid-input"
    }
    fn public(&self) -> String {
        "node: there is no such node, or you may not know of it; leave it out for the Host's own".to_owned()
    }
    fn fields(&self) -> Vec<FieldFault> {
        vec![FieldFault::new(
            "node",
            "unknown",
            "give the id or name of a node",
        )]
    }
}

pub(super) async fn create(
    caller: Caller,
    State(api): State<Api>,
    key: IdempotencyHeader,
    body: Body<NewServer>,
) -> Result<(StatusCode, Json<Acted>), Problem> {
    create_on(caller, api, key, body).await
}

/// Creates a server on the node that the body names.
pub(crate) async fn create_on(
    caller: Caller,
    api: Api,
    key: IdempotencyHeader,
    body: Body<NewServer>,
) -> Result<(StatusCode, Json<Acted>), Problem> {
    let node = match &body.value.node {
        None => api.fleet.local_node(),
        Some(node) => api.fleet.find_node(caller.principal(), node),
    };
    let Some(node) = node else {
        // Who may create nothing at all is told that first.
        caller.permit(act::CreateServer, &Resource::all(ResourceKind::Server))?;
        return Err(NoSuchNode.into());
    };
    let permit = caller.permit(act::CreateServer, &*node)?;
    let key = idempotency(&caller, key, "create", &body.bytes)?;
    let acted = api.fleet.create(&permit, &node, body.value, key).await?;
    Ok((StatusCode::CREATED, Json(acted)))
}
