//! `/nodes/requests/<id>`, `/nodes/new`: deciding on a machine, and inviting one.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_fleet::nodes::join::{JoinError, JoinRequestView, NewJoinToken};
use watchroom_kit::{ExposeSecret, Fault, FieldFault, SecretString};
use watchroom_model::{JoinRequestId, JoinTokenId, NodeName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use super::step_up::proven;
use crate::text::EN;
use crate::view::join::{DecisionTyped, InvitationPage, InvitationTyped, RequestPage};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What the approval sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ApprovalForm {
    words_match: Option<String>,
    password: SecretString,
}

/// What the rejection sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RejectionForm {
    reason: String,
}

/// What the invitation form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InvitationForm {
    name: String,
    replaces: String,
    auto_approve: Option<String>,
    password: SecretString,
}

async fn found(viewer: &Viewer, panel: &Panel, id: JoinRequestId) -> Result<JoinRequestView, Problem> {
    let request = panel.fleet.join_request(id).await.map_err(JoinError::from)?;
    viewer.caller.found(request)
}

fn page(
    viewer: &Viewer,
    status: StatusCode,
    request: JoinRequestView,
    typed: &DecisionTyped,
) -> Result<Response, Problem> {
    let may_decide = viewer.may(act::ApproveJoin, &request);
    let shell = viewer.shell(Section::Nodes, request.name.to_string());
    let page = RequestPage::new(shell, request, typed, (may_decide, viewer.needs_proof()));
    viewer.page_with(status, &page)
}

pub(super) async fn show(
    viewer: Viewer,
    State(panel): State<Panel>,
    Params(id): Params<JoinRequestId>,
) -> Result<Response, Problem> {
    let request = found(&viewer, &panel, id).await?;
    viewer
        .caller
        .permit(act::ListJoinRequests, &Resource::all(ResourceKind::JoinRequest))?;
    page(&viewer, StatusCode::OK, request, &DecisionTyped::default())
}

fn refused(
    viewer: &Viewer,
    request: JoinRequestView,
    reason: String,
    fault: FieldFault,
) -> Result<Response, Problem> {
    let typed = DecisionTyped {
        reason,
        faults: Faults::new(vec![fault]),
    };
    page(viewer, StatusCode::BAD_REQUEST, request, &typed)
}

pub(super) async fn approve(
    State(panel): State<Panel>,
    Params(id): Params<JoinRequestId>,
    Form { viewer, form }: Form<ApprovalForm>,
) -> Result<Response, Problem> {
    let request = found(&viewer, &panel, id).await?;
    viewer.admit(act::ApproveJoin, &request)?;
    if form.words_match.is_none() {
        let fault = FieldFault::new("words_match", "not_confirmed", EN.join_words_untold);
        return refused(&viewer, request, String::new(), fault);
    }
    let asked = (act::ApproveJoin, &request);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return refused(&viewer, request, String::new(), fault),
    };
    let flash = match panel.fleet.approve_join(&permit, true, None).await {
        Ok(decided) => Flash::done(EN.join_approved(decided.request.name)),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    proof.finish(answer::redirect_with("/nodes", &flash)?)
}

pub(super) async fn reject(
    State(panel): State<Panel>,
    Params(id): Params<JoinRequestId>,
    Form { viewer, form }: Form<RejectionForm>,
) -> Result<Response, Problem> {
    let request = found(&viewer, &panel, id).await?;
    let permit = viewer.caller.permit(act::RejectJoin, &request)?;
    match panel.fleet.reject_join(&permit, &form.reason, None).await {
        Ok(decided) => {
            let flash = Flash::done(EN.join_rejected(decided.request.name));
            answer::redirect_with("/nodes", &flash)
        }
        Err(error) => match error.fields().into_iter().next() {
            Some(fault) => refused(&viewer, request, form.reason, fault),
            None => {
                let flash = Flash::trouble(sentence(&Problem::from(error).detail));
                answer::redirect_with("/nodes", &flash)
            }
        },
    }
}

fn invitation(
    viewer: &Viewer,
    status: StatusCode,
    typed: &InvitationTyped,
    url: Option<String>,
) -> Result<Response, Problem> {
    let shell = viewer.shell(Section::Nodes, EN.node_add);
    let page = InvitationPage::new(shell, typed, url, viewer.needs_proof());
    viewer.page_with(status, &page)
}

/// Takes an invitation back.
pub(super) async fn take_back(
    State(panel): State<Panel>,
    Params(id): Params<JoinTokenId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::RevokeJoinToken, &Resource::join_token(id))?;
    panel.fleet.revoke_join_token(&permit).await?;
    answer::redirect_with("/nodes", &Flash::done(EN.invite_revoked))
}

pub(super) async fn form(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::RegisterNode, &panel.fleet.draft_join_token())?;
    invitation(&viewer, StatusCode::OK, &InvitationTyped::default(), None)
}

/// Makes the invitation. One that lets machines in by itself needs a fresh proof, as approving does.
pub(super) async fn invite(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<InvitationForm>,
) -> Result<Response, Problem> {
    let draft = panel.fleet.draft_join_token();
    let permit = viewer.caller.permit(act::RegisterNode, &draft)?;
    let mut typed = InvitationTyped {
        name: form.name.trim().to_owned(),
        replaces: form.replaces.trim().to_owned(),
        auto_approve: form.auto_approve.is_some(),
        faults: Faults::default(),
    };
    let new = match wanted(&typed) {
        Ok(new) => new,
        Err(fault) => {
            typed.faults = Faults::new(vec![fault]);
            return invitation(&viewer, StatusCode::BAD_REQUEST, &typed, None);
        }
    };
    if !typed.auto_approve {
        let made = panel.fleet.register_node(&permit, new, None).await;
        return made_or_not(&viewer, typed, made);
    }
    let asked = (act::CreateJoinToken, &draft);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            typed.faults = Faults::new(vec![fault]);
            return invitation(&viewer, StatusCode::BAD_REQUEST, &typed, None);
        }
    };
    let made = panel.fleet.create_join_token(&permit, new, None).await;
    let risen = viewer.risen(proof.session(&viewer));
    proof.finish(made_or_not(&risen, typed, made)?)
}

fn wanted(typed: &InvitationTyped) -> Result<NewJoinToken, FieldFault> {
    let name = (!typed.name.is_empty()).then(|| typed.name.parse::<NodeName>());
    let name = name.transpose();
    Ok(NewJoinToken {
        name: name.map_err(|error| FieldFault::new("name", error.code, error.rule))?,
        replaces: (!typed.replaces.is_empty()).then(|| typed.replaces.clone()),
        auto_approve: typed.auto_approve,
        ..NewJoinToken::default()
    })
}

/// The page with the URL, shown in the answer itself: it must never travel in a cookie or an address.
fn made_or_not(
    viewer: &Viewer,
    mut typed: InvitationTyped,
    made: Result<watchroom_fleet::nodes::join::Invitation, JoinError>,
) -> Result<Response, Problem> {
    match made {
        Ok(made) => {
            let url = made.url.expose_secret().to_owned();
            invitation(viewer, StatusCode::OK, &InvitationTyped::default(), Some(url))
        }
        Err(error) if !error.fields().is_empty() => {
            typed.faults = Faults::new(error.fields());
            invitation(viewer, StatusCode::BAD_REQUEST, &typed, None)
        }
        Err(error) => Err(error.into()),
    }
}
