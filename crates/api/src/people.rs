//! `/api/users/...`: invitations, links to a new password, addresses, and the sessions of people.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_identity::{EmailChange, InvitationView, Invite, IssuedLink, SessionView};
use watchroom_model::{EmailAddress, LinkId, Page, SessionId, UserId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Route};

use crate::Api;

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteDraft {
    /// One of the roles.
    role: String,
    /// Where the link goes; without it the answer holds the link.
    email: Option<EmailAddress>,
}

/// How a link to a new password goes to its person.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResetLinkDraft {
    /// By mail, where that can be; otherwise the answer holds the link.
    mail: bool,
}

/// An address, or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailDraft {
    /// The address; null takes it away.
    email: Option<EmailAddress>,
}

/// What came of another address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmailAnswer {
    /// Whether a link went there, by which its owner confirms it first.
    is_to_confirm: bool,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let mut routes = account_routes();
    routes.extend(session_routes());
    routes
}

fn account_routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    vec![
        Route::new(
            Method::GET,
            "/api/users/invitations",
            act::ListUsers,
            read,
            invitations,
        )
        .says("List invitations that wait")
        .gives_page::<InvitationView>(),
        Route::new(
            Method::POST,
            "/api/users/invitations",
            act::InviteUser,
            administration,
            invite,
        )
        .says("Invite somebody by a link that works once")
        .takes::<InviteDraft>()
        .gives::<IssuedLink>()
        .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/users/invitations/{id}",
            act::InviteUser,
            administration,
            take_back,
        )
        .says("Take an invitation back")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/users/{id}/reset-link",
            act::OfferReset,
            administration,
            reset_link,
        )
        .says("Make a link by which a person chooses a new password, once")
        .takes::<ResetLinkDraft>()
        .gives::<IssuedLink>()
        .with_status(201),
        Route::new(
            Method::POST,
            "/api/users/{id}/email",
            act::ChangeEmail,
            RouteClass::Sensitive,
            email,
        )
        .says("Set a person's address; one's own is confirmed by mail first")
        .takes::<EmailDraft>()
        .gives::<EmailAnswer>(),
    ]
}

/// The sessions of people.
fn session_routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    vec![
        Route::new(
            Method::GET,
            "/api/users/{id}/sessions",
            act::ListSessions,
            read,
            sessions,
        )
        .says("List a person's sessions")
        .gives_page::<SessionView>(),
        Route::new(
            Method::DELETE,
            "/api/users/{id}/sessions",
            act::EndSessions,
            administration,
            end_sessions,
        )
        .says("End all sessions of a person")
        .with_status(204),
        Route::new(
            Method::DELETE,
            "/api/users/{id}/sessions/{session}",
            act::EndSessions,
            administration,
            end_session,
        )
        .says("End a session of a person")
        .with_status(204),
    ]
}

async fn invitations(caller: Caller, State(api): State<Api>) -> Result<Json<Page<InvitationView>>, Problem> {
    let permit = caller.permit(act::ListUsers, &Resource::all(ResourceKind::User))?;
    Ok(Json(Page {
        items: api.identity().invitations(&permit).await?,
        next_cursor: None,
    }))
}

async fn invite(
    caller: Caller,
    State(api): State<Api>,
    body: Body<InviteDraft>,
) -> Result<(StatusCode, Json<IssuedLink>), Problem> {
    let permit = caller.permit(act::InviteUser, &Resource::all(ResourceKind::User))?;
    let InviteDraft { role, email } = body.value;
    let issued = api.identity().invite(&permit, Invite { role, email }).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

async fn take_back(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<LinkId>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::InviteUser, &Resource::all(ResourceKind::User))?;
    api.identity().take_invitation_back(&permit, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_link(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
    body: Body<ResetLinkDraft>,
) -> Result<(StatusCode, Json<IssuedLink>), Problem> {
    let permit = caller.permit(act::OfferReset, &Resource::user(id))?;
    let issued = api.identity().offer_reset(&permit, body.value.mail).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

async fn email(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
    body: Body<EmailDraft>,
) -> Result<Json<EmailAnswer>, Problem> {
    let permit = caller.permit(act::ChangeEmail, &Resource::user(id))?;
    let change = api.identity().change_email(&permit, body.value.email).await?;
    Ok(Json(EmailAnswer {
        is_to_confirm: change == EmailChange::ToConfirm,
    }))
}

async fn sessions(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<Json<Page<SessionView>>, Problem> {
    caller.permit(act::ListSessions, &Resource::user(id))?;
    Ok(Json(Page {
        items: api.identity().sessions_of(caller.principal(), id)?,
        next_cursor: None,
    }))
}

async fn end_sessions(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<UserId>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::EndSessions, &Resource::user(id))?;
    api.identity().end_sessions_of(&permit, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_session(
    caller: Caller,
    State(api): State<Api>,
    Params((id, session)): Params<(UserId, SessionId)>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::EndSessions, &Resource::user(id))?;
    api.identity().end_sessions_of(&permit, Some(session)).await?;
    Ok(StatusCode::NO_CONTENT)
}
