//! `/access/people`: who there is, and what an administrator does to accounts.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{Invite, IssuedLink, UserStatus, UserView};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_model::{EmailAddress, LinkId, UserId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::entry::Nothing;
use super::most;
use super::step_up::{ProofForm, Proven, proven, with_proof};
use crate::text::EN;
use crate::view::people::{InvitationRow, InviteTyped, PeoplePage, PersonRow, ShownLink};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

pub(super) const PAGE: &str = "/access/people";

/// What the form for an invitation sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InviteForm {
    role: String,
    email: String,
    password: SecretString,
}

/// What the page shows beside the people.
#[derive(Debug, Default)]
struct Beside {
    typed: InviteTyped,
    shown: Option<ShownLink>,
}

/// Who there is, and what is done to accounts.
pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::GET,
            "/access/people",
            act::ListUsers,
            RouteClass::Page,
            show,
        ),
        Route::new(
            Method::POST,
            "/access/people/invite",
            act::InviteUser,
            administration,
            invite,
        ),
        Route::new(
            Method::POST,
            "/access/invitations/{id}/take-back",
            act::InviteUser,
            administration,
            take_back,
        ),
        Route::new(
            Method::POST,
            "/access/people/{id}/disable",
            act::ChangeUser,
            administration,
            disable,
        ),
        Route::new(
            Method::POST,
            "/access/people/{id}/enable",
            act::ChangeUser,
            administration,
            enable,
        ),
        Route::new(
            Method::POST,
            "/access/people/{id}/reset-factors",
            act::ResetFactors,
            administration,
            reset_factors,
        ),
        Route::new(
            Method::POST,
            "/access/people/{id}/reset-link",
            act::OfferReset,
            administration,
            reset_link,
        ),
        Route::new(
            Method::POST,
            "/access/people/{id}/end-sessions",
            act::EndSessions,
            administration,
            end_sessions,
        ),
    ]
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    page(&viewer, &panel, StatusCode::OK, Beside::default()).await
}

async fn page(
    viewer: &Viewer,
    panel: &Panel,
    status: StatusCode,
    beside: Beside,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::User);
    let permit = viewer.caller.permit(act::ListUsers, &all)?;
    let principal = viewer.caller.principal();
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let found = panel.identity().users(principal, &most(cursor)).await?;
        rows.extend(found.items.iter().map(|user| row(viewer, user)));
        match found.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let invitations = panel.identity().invitations(&permit).await?;
    let invitations = invitations.into_iter().map(InvitationRow::from).collect();
    let shell = viewer.shell(Section::People, EN.nav_people);
    let page = PeoplePage::new(
        shell,
        (rows, invitations),
        beside.shown,
        &beside.typed,
        (
            viewer.may(act::InviteUser, &all),
            viewer.needs_proof(),
            viewer.wanted(),
        ),
        &panel.identity().role_names(),
    );
    viewer.page_with(status, &page)
}

fn row(viewer: &Viewer, user: &UserView) -> PersonRow {
    let on = Resource::user(user.id);
    PersonRow {
        may_change: viewer.may(act::ChangeUser, &on),
        may_erase: viewer.may(act::EraseUser, &on),
        may_end: viewer.may(act::EndSessions, &on),
        is_self: viewer.session.user == user.id,
        ..PersonRow::of(user, viewer.now())
    }
}

pub(super) async fn invite(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<InviteForm>,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::User);
    viewer.admit(act::InviteUser, &all)?;
    let mut typed = InviteTyped {
        role: form.role.clone(),
        email: form.email.trim().to_owned(),
        ..InviteTyped::default()
    };
    let email = match typed.email.as_str() {
        "" => None,
        text => match text.parse::<EmailAddress>() {
            Ok(email) => Some(email),
            Err(error) => {
                typed.faults = Faults::new(vec![FieldFault::new("email", error.code, error.rule)]);
                let shown = None;
                return page(&viewer, &panel, StatusCode::BAD_REQUEST, Beside { typed, shown }).await;
            }
        },
    };
    let asked = (act::InviteUser, &all);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            typed.faults = Faults::new(vec![fault]);
            let shown = None;
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, Beside { typed, shown }).await;
        }
    };
    let role = form.role;
    let issued = panel.identity().invite(&permit, Invite { role, email }).await;
    finish(
        &viewer,
        &panel,
        &proof,
        issued.map_err(|error| error.public()),
        EN.invitation,
    )
    .await
}

/// After a link was made: said where it went, or shown this once.
async fn finish(
    viewer: &Viewer,
    panel: &Panel,
    proof: &Proven,
    issued: Result<IssuedLink, String>,
    what: &'static str,
) -> Result<Response, Problem> {
    let flash = match issued {
        Ok(IssuedLink {
            link: Some(link),
            expires_at,
            ..
        }) => {
            let viewer = viewer.risen(proof.session(viewer));
            let shown = Some(ShownLink::new(what, link, expires_at));
            let typed = InviteTyped::default();
            let response = page(&viewer, panel, StatusCode::OK, Beside { typed, shown }).await?;
            return proof.finish(response);
        }
        Ok(IssuedLink { mailed_to, .. }) => {
            let to = mailed_to.as_ref().map(ToString::to_string);
            Flash::done(EN.link_mailed(to.unwrap_or_default()))
        }
        Err(why) => Flash::trouble(sentence(&why)),
    };
    proof.finish(answer::redirect_with(PAGE, &flash)?)
}

pub(super) async fn take_back(
    State(panel): State<Panel>,
    Params(id): Params<LinkId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::User);
    let (asked, sent) = ((act::InviteUser, &all), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let done = panel.identity().take_invitation_back(&permit, id).await;
        Ok(Flash::told(done.map(|()| EN.invitation_taken_back)))
    })
    .await
}

pub(super) async fn disable(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    change(&viewer, &panel, id, form.password, UserStatus::Disabled).await
}

pub(super) async fn enable(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    change(&viewer, &panel, id, form.password, UserStatus::Active).await
}

async fn change(
    viewer: &Viewer,
    panel: &Panel,
    id: UserId,
    password: SecretString,
    status: UserStatus,
) -> Result<Response, Problem> {
    let on = Resource::user(id);
    let (asked, sent) = ((act::ChangeUser, &on), (password, PAGE));
    with_proof(viewer, panel, asked, sent, async |permit| {
        let changed = panel.identity().change_status(&permit, status).await;
        Ok(Flash::told(changed.map(|user| match status {
            UserStatus::Active => EN.person_enabled(user.name),
            UserStatus::Disabled => EN.person_disabled(user.name),
        })))
    })
    .await
}

pub(super) async fn reset_factors(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let on = Resource::user(id);
    let (asked, sent) = ((act::ResetFactors, &on), (form, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let reset = panel.identity().reset_factors(&permit).await;
        Ok(Flash::told(reset.map(|()| EN.person_factors_reset)))
    })
    .await
}

pub(super) async fn reset_link(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let on = Resource::user(id);
    let asked = (act::OfferReset, &on);
    let (proof, permit) = match proven(&viewer, &panel, asked, form).await? {
        Ok(both) => both,
        Err(fault) => return answer::redirect_with(PAGE, &Flash::trouble(sentence(&fault.message))),
    };
    let issued = panel.identity().offer_reset(&permit, true).await;
    finish(
        &viewer,
        &panel,
        &proof,
        issued.map_err(|error| error.public()),
        EN.reset_link,
    )
    .await
}

pub(super) async fn end_sessions(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let permit = viewer.caller.permit(act::EndSessions, &Resource::user(id))?;
    let ended = panel.identity().end_sessions_of(&permit, None).await;
    answer::redirect_with(PAGE, &Flash::told(ended.map(|()| EN.person_sessions_ended)))
}
