//! `POST /nodes/<id>/ping`, `/revoke`, `/purge`: what is done to a node on the roll.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_kit::{FieldFault, SecretString};
use watchroom_model::NodeId;
use watchroom_policy::act;
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use super::nodes::shown;
use super::step_up::proven;
use crate::text::EN;
use crate::view::join::RevocationTyped;
use crate::view::{Faults, Flash, sentence};
use crate::viewer::Form;
use crate::{Panel, answer};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RevocationForm {
    confirm_name: String,
    reason: String,
    password: SecretString,
}

pub(super) async fn ping(
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    let permit = viewer.caller.permit(act::PingNode, &*node)?;
    let flash = match panel.fleet.ping_node(&permit).await {
        Ok(pong) => Flash::done(EN.node_pinged(format!("{:.1}", pong.round_trip_ms), node.name())),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    answer::redirect_with(&format!("/nodes/{id}"), &flash)
}

pub(super) async fn revoke(
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
    Form { viewer, form }: Form<RevocationForm>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    viewer.caller.permit(act::ShowNode, &*node)?;
    viewer.admit(act::RevokeNode, &*node)?;
    let again = async |name: String, reason: String, fault: FieldFault| {
        let typed = RevocationTyped {
            form: "revoke",
            name,
            reason,
            faults: Faults::new(vec![fault]),
        };
        shown(&viewer, &panel, &node, StatusCode::BAD_REQUEST, &typed).await
    };
    if form.confirm_name.trim() != node.name().as_str() {
        let fault = FieldFault::new("confirm_name", "differs", EN.remove_name_differs);
        return again(form.confirm_name, form.reason, fault).await;
    }
    let asked = (act::RevokeNode, &*node);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return again(form.confirm_name, form.reason, fault).await,
    };
    let flash = match panel.fleet.revoke_node(&permit, Some(form.reason)).await {
        Ok(_) => Flash::done(EN.node_revoked(node.name())),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    proof.finish(answer::redirect_with(&format!("/nodes/{id}"), &flash)?)
}

pub(super) async fn purge(
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
    Form { viewer, form }: Form<RevocationForm>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    viewer.caller.permit(act::ShowNode, &*node)?;
    viewer.admit(act::PurgeNode, &*node)?;
    let again = async |name: String, fault: FieldFault| {
        let typed = RevocationTyped {
            form: "purge",
            name,
            faults: Faults::new(vec![fault]),
            ..RevocationTyped::default()
        };
        shown(&viewer, &panel, &node, StatusCode::BAD_REQUEST, &typed).await
    };
    if form.confirm_name.trim() != node.name().as_str() {
        let fault = FieldFault::new("confirm_name", "differs", EN.remove_name_differs);
        return again(form.confirm_name, fault).await;
    }
    let asked = (act::PurgeNode, &*node);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return again(form.confirm_name, fault).await,
    };
    let response = match panel.fleet.purge_node(&permit).await {
        Ok(()) => answer::redirect_with("/nodes", &Flash::done(EN.node_purged(node.name())))?,
        Err(error) => {
            let why = sentence(&Problem::from(error).detail);
            answer::redirect_with(&format!("/nodes/{id}"), &Flash::trouble(why))?
        }
    };
    proof.finish(response)
}
