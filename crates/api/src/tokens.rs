//! `/api/tokens`: API tokens, one's own or everybody's.

use std::time::Duration;

use axum::extract::State;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_identity::{CreateTokenError, NewToken, TokenKind, TokenView};
use watchroom_kit::{ExposeSecret, Fault, FaultKind, FieldFault};
use watchroom_model::{Page, PageRequest, TokenId, TokenName, UserId, UserName};
use watchroom_policy::{PermissionSet, Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Query, Route};

use crate::Api;

/// A token to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenDraft {
    /// What it is called, unique among its owner's.
    name: TokenName,
    /// Whose it is to be, by user name; oneself if absent.
    user: Option<UserName>,
    /// Whether a person or a service will use it: `personal` (the default) or `service`.
    #[serde(default)]
    is_service: bool,
    /// What it may do at most, as permission patterns; all its owner may if absent.
    #[schema(value_type = Option<Vec<String>>)]
    permissions: Option<PermissionSet>,
    /// From which networks it holds; from anywhere if absent.
    #[serde(default)]
    networks: Vec<String>,
    /// Seconds it holds; 90 days if absent.
    expires_in_s: Option<u64>,
    /// Whether it may do what otherwise needs a fresh proof.
    #[serde(default)]
    allow_sensitive: bool,
}

/// A token as lists show it, with its owner's name.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenListed {
    #[serde(flatten)]
    token: TokenView,
    /// What its owner signs in with.
    owner_name: Option<UserName>,
}

/// A token that has just been made: its text is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenIssued {
    /// Its text.
    token: String,
    #[serde(flatten)]
    listed: TokenMade,
}

/// What a new token is.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenMade {
    /// Its id.
    id: TokenId,
    /// What it is called.
    name: TokenName,
    /// Until when it holds.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: time::OffsetDateTime,
}

/// A draft that cannot be.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum DraftError {
    #[error("user: there is nobody of that name; name an account, or leave it out for yourself")]
    NoSuchUser,
    #[error("networks: each is a network such as 10.0.0.0/8 or fd00::/8")]
    Network,
}

impl Fault for DraftError {
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
        let (field, code) = match self {
            Self::NoSuchUser => ("user", "unknown"),
            Self::Network => ("networks", "invalid"),
        };
        vec![FieldFault::new(field, code, self.to_string())]
    }
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/tokens",
            act::ListTokens,
            RouteClass::Read,
            list,
        )
        .says("List tokens: one's own, or everybody's with tokens:read")
        .asks::<PageRequest>()
        .gives_page::<TokenListed>(),
        Route::new(
            Method::POST,
            "/api/tokens",
            act::CreateToken,
            RouteClass::Sensitive,
            create,
        )
        .says("Make a token; its text is shown once")
        .takes::<TokenDraft>()
        .gives::<TokenIssued>()
        .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/tokens/{id}",
            act::RevokeToken,
            RouteClass::Sensitive,
            revoke,
        )
        .says("Revoke a token")
        .with_status(204),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<TokenListed>>, Problem> {
    caller.permit(act::ListTokens, &Resource::all(ResourceKind::Token))?;
    let page = api.identity().tokens(caller.principal(), &page).await?;
    let listed = |token: TokenView| TokenListed {
        owner_name: api.identity().name_of(token.owner),
        token,
    };
    Ok(Json(page.map(listed)))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    body: Body<TokenDraft>,
) -> Result<(StatusCode, Json<TokenIssued>), Problem> {
    let draft = body.value;
    let owner = owner(&caller, &api, draft.user.as_ref())?;
    let permit = caller.permit(act::CreateToken, &api.identity().draft_token(owner))?;
    let networks: Result<_, _> = draft.networks.iter().map(|network| network.parse()).collect();
    let new = NewToken {
        name: draft.name,
        kind: if draft.is_service {
            TokenKind::Service
        } else {
            TokenKind::Personal
        },
        permissions: draft.permissions,
        networks: networks.map_err(|_| DraftError::Network)?,
        expires_in: draft.expires_in_s.map(Duration::from_secs),
        allow_sensitive: draft.allow_sensitive,
    };
    let issued = api.identity().create_token(&permit, new).await;
    let issued = issued.map_err(as_the_body_calls_it)?;
    let listed = TokenMade {
        id: issued.view.id,
        name: issued.view.name,
        expires_at: issued.view.expires_at,
    };
    Ok((
        StatusCode::CREATED,
        Json(TokenIssued {
            token: issued.token.expose_secret().to_owned(),
            listed,
        }),
    ))
}

/// The problem with its fields under the names of the body.
fn as_the_body_calls_it(error: CreateTokenError) -> Problem {
    let mut problem = Problem::from(error);
    for fault in problem
        .errors
        .iter_mut()
        .filter(|fault| fault.field == "expires_in")
    {
        "expires_in_s".clone_into(&mut fault.field);
    }
    problem
}

/// The owner meant. Who may not make tokens for others learns nothing of who exists.
fn owner(caller: &Caller, api: &Api, name: Option<&UserName>) -> Result<UserId, Problem> {
    let Some(name) = name else {
        let all = Resource::all(ResourceKind::User);
        caller.permit(act::SeeSelf, &all)?;
        return Ok(caller.principal().user().ok_or(DraftError::NoSuchUser)?);
    };
    let own = caller.principal().user();
    if own.is_some_and(|own| {
        api.identity()
            .name_of(own)
            .is_some_and(|known| known.folded() == name.folded())
    }) {
        return Ok(own.ok_or(DraftError::NoSuchUser)?);
    }
    caller.permit(act::CreateToken, &Resource::all(ResourceKind::Token))?;
    Ok(api.identity().id_of(name).ok_or(DraftError::NoSuchUser)?)
}

async fn revoke(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<TokenId>,
) -> Result<StatusCode, Problem> {
    caller.permit(act::ListTokens, &Resource::all(ResourceKind::Token))?;
    let token = api.identity().token(caller.principal(), id).await?;
    let permit = caller.permit(act::RevokeToken, &token)?;
    api.identity().revoke_token(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
