//! `POST /nodes/<id>/restart`, `/shutdown`, `/unfence` and `/operations/<id>/cancel`: the machine goes down, stays up
//! after all, or is let back in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_fleet::{Node, OperationState, OperationView};
use watchroom_kit::{FieldFault, SecretString};
use watchroom_model::{NodeId, OperationId};
use watchroom_policy::{Act, Permit, act};
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use super::nodes::shown;
use super::step_up::{Proven, proven};
use crate::text::EN;
use crate::view::join::RevocationTyped;
use crate::view::{Faults, Flash, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PowerForm {
    confirm_name: String,
    password: SecretString,
}

/// The proof and the permit, or the page again with what is wrong.
type Ready<A> = Result<(Proven, Permit<A>), Response>;

pub(super) async fn restart(
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
    Form { viewer, form }: Form<PowerForm>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    let ready = ready(&viewer, &panel, &node, act::RestartNode, ("restart", form)).await?;
    let (proof, permit) = match ready {
        Ok(both) => both,
        Err(again) => return Ok(again),
    };
    let begun = panel.fleet.restart_node(permit, None).await;
    proof.finish(told(id, begun.map_err(Problem::from))?)
}

pub(super) async fn shut_down(
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
    Form { viewer, form }: Form<PowerForm>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    let ready = ready(&viewer, &panel, &node, act::ShutDownNode, ("shutdown", form)).await?;
    let (proof, permit) = match ready {
        Ok(both) => both,
        Err(again) => return Ok(again),
    };
    let begun = panel.fleet.shut_down_node(permit, None).await;
    proof.finish(told(id, begun.map_err(Problem::from))?)
}

pub(super) async fn unfence(
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
    Form { viewer, form }: Form<PowerForm>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    let ready = ready(&viewer, &panel, &node, act::UnfenceNode, ("unfence", form)).await?;
    let (proof, permit) = match ready {
        Ok(both) => both,
        Err(again) => return Ok(again),
    };
    panel.fleet.unfence(&permit, &node).await?;
    let flash = Flash::done(EN.node_unfenced(node.name()));
    proof.finish(answer::redirect_with(&format!("/nodes/{id}"), &flash)?)
}

pub(super) async fn cancel(
    State(panel): State<Panel>,
    Params(id): Params<OperationId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let operation = viewer.caller.found(panel.fleet.operation(id).await?)?;
    let node = viewer.caller.found(panel.fleet.node(operation.node_id))?;
    let permit = viewer.caller.permit(act::CancelOperation, &*node)?;
    let flash = match panel.fleet.call_off(&permit, id).await {
        Ok(_) => Flash::done(EN.operation_cancelled),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    answer::redirect_with(&format!("/nodes/{}", node.id()), &flash)
}

/// Sees that the person may, typed the name, and is who they are.
async fn ready<A: Act>(
    viewer: &Viewer,
    panel: &Panel,
    node: &Arc<Node>,
    act: A,
    (which, form): (&'static str, PowerForm),
) -> Result<Ready<A>, Problem> {
    viewer.caller.permit(act::ShowNode, &**node)?;
    viewer.admit(act, &**node)?;
    let fault = if form.confirm_name.trim() == node.name().as_str() {
        match proven(viewer, panel, (act, &**node), form.password).await? {
            Ok(both) => return Ok(Ok(both)),
            Err(fault) => fault,
        }
    } else {
        FieldFault::new("confirm_name", "differs", EN.remove_name_differs)
    };
    let typed = RevocationTyped {
        form: which,
        name: form.confirm_name,
        faults: Faults::new(vec![fault]),
        ..RevocationTyped::default()
    };
    Ok(Err(
        shown(viewer, panel, node, StatusCode::BAD_REQUEST, &typed).await?
    ))
}

fn told(node: NodeId, begun: Result<OperationView, Problem>) -> Result<Response, Problem> {
    let flash = match begun {
        Ok(operation) if operation.state == OperationState::Underway => Flash::done(EN.operation_begun),
        Ok(operation) => Flash::done(sentence(&operation.outcome)),
        Err(problem) => Flash::trouble(sentence(&problem.detail)),
    };
    answer::redirect_with(&format!("/nodes/{node}"), &flash)
}
