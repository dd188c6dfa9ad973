//! `POST /api/nodes/<id>/restart` and `/shutdown`: long work, answered by its operation.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_fleet::{Node, OperationView};
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::NodeId;
use watchroom_policy::act;
use watchroom_web::{Body, Caller, IdempotencyHeader, Json, Params, Problem};

use crate::Api;
use crate::servers::idempotency;

/// That the right machine is meant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Confirmed {
    /// The node's name, typed again.
    confirm_name: String,
}

/// The name that was typed is not the node's.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("confirm_name must be the node's name: it says which machine goes down")]
struct NameDiffers;

impl Fault for NameDiffers {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
    fn slug(&self) -> &'static str {
        "invalid-input"
    }
    fn public(&self) -> String {
        self.to_string()
    }
    fn fields(&self) -> Vec<FieldFault> {
        vec![FieldFault::new("confirm_name", "differs", self.to_string())]
    }
}

type Accepted = Result<(StatusCode, Json<OperationView>), Problem>;

pub(super) async fn restart(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
    key: IdempotencyHeader,
    body: Body<Confirmed>,
) -> Accepted {
    let node = caller.found(api.fleet.node(id))?;
    let permit = caller.permit(act::RestartNode, &*node)?;
    is_meant(&node, &body.value)?;
    let key = idempotency(&caller, key, &format!("restart node {id}"), &body.bytes)?;
    Ok((
        StatusCode::ACCEPTED,
        Json(api.fleet.restart_node(permit, key).await?),
    ))
}

pub(super) async fn shut_down(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
    key: IdempotencyHeader,
    body: Body<Confirmed>,
) -> Accepted {
    let node = caller.found(api.fleet.node(id))?;
    let permit = caller.permit(act::ShutDownNode, &*node)?;
    is_meant(&node, &body.value)?;
    let key = idempotency(&caller, key, &format!("shut down node {id}"), &body.bytes)?;
    Ok((
        StatusCode::ACCEPTED,
        Json(api.fleet.shut_down_node(permit, key).await?),
    ))
}

fn is_meant(node: &Node, confirmed: &Confirmed) -> Result<(), NameDiffers> {
    if confirmed.confirm_name == node.name().as_str() {
        Ok(())
    } else {
        Err(NameDiffers)
    }
}
