//! Join tokens, and nodes registered by hand: invitations whose URL is shown once.

use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use watchroom_fleet::nodes::join::{Invitation, JoinError, JoinTokenView, NewJoinToken};
use watchroom_kit::ExposeSecret;
use watchroom_model::{JoinTokenId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, IdempotencyHeader, Params, Problem, Query, Route};

use crate::Api;
use crate::servers::idempotency;

/// An invitation that has just been made: its URL is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct Invited {
    /// What the machine is given: `watchroom join -` reads it.
    join_url: String,
    #[serde(flatten)]
    token: JoinTokenView,
}

impl From<Invitation> for Invited {
    fn from(invitation: Invitation) -> Self {
        Self {
            join_url: invitation.url.expose_secret().to_owned(),
            token: invitation.view,
        }
    }
}

pub(super) fn routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    let tokens = "/api/cluster/tokens";
    vec![
        Route::new(Method::GET, tokens, act::ListJoinTokens, read, list)
            .says("List the join tokens that can still be used")
            .asks::<PageRequest>()
            .gives_page::<JoinTokenView>(),
        Route::new(Method::POST, tokens, act::CreateJoinToken, administration, create)
            .says("Make a join token; its URL is shown once")
            .takes::<NewJoinToken>()
            .gives::<Invited>()
            .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/cluster/tokens/{id}",
            act::RevokeJoinToken,
            administration,
            revoke,
        )
        .says("Take a join token back")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/cluster/nodes",
            act::RegisterNode,
            administration,
            register,
        )
        .says("Register a node by hand: a join URL bound to its name or place, which a person still approves")
        .takes::<NewJoinToken>()
        .gives::<Invited>()
        .with_status(201),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<JoinTokenView>>, Problem> {
    caller.permit(act::ListJoinTokens, &Resource::all(ResourceKind::JoinToken))?;
    Ok(Json(api.fleet.join_tokens(caller.principal(), &page).await?))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    key: IdempotencyHeader,
    body: Body<NewJoinToken>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let permit = caller.permit(act::CreateJoinToken, &api.fleet.draft_join_token())?;
    let key = idempotency(&caller, key, "create join token", &body.bytes)?;
    let invitation = api.fleet.create_join_token(&permit, body.value, key).await?;
    Ok((StatusCode::CREATED, Json(invitation.into())))
}

async fn register(
    caller: Caller,
    State(api): State<Api>,
    key: IdempotencyHeader,
    body: Body<NewJoinToken>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let permit = caller.permit(act::RegisterNode, &api.fleet.draft_join_token())?;
    let key = idempotency(&caller, key, "register node", &body.bytes)?;
    if body.value.name.is_none() && body.value.replaces.is_none() {
        return Err(JoinError::unbound().into());
    }
    let invitation = api.fleet.register_node(&permit, body.value, key).await?;
    Ok((StatusCode::CREATED, Json(invitation.into())))
}

async fn revoke(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<JoinTokenId>,
) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::RevokeJoinToken, &Resource::join_token(id))?;
    api.fleet.revoke_join_token(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
