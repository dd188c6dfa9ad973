//! `/api/auth/token`: programs sign in by name and password, ours or a directory's, go on by a token that is good once, and sign out.

use axum::Extension;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_identity::{Granted, TokenSignIn};
use watchroom_kit::{ExposeSecret, Fault, FaultKind, FieldFault, SecretString};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::{Passed, RouteClass};
use watchroom_web::{Body, Caller, Json, MaySignIn, NotFound, Problem, Route};

use crate::Api;

/// Either a name and a password, with a code where one is needed, or a refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// What one signs in with.
    username: Option<String>,
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// The name of the directory that knows the person; absent for an account of this Watchroom.
    directory: Option<String>,
    /// A code of a device or a recovery code.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// What came with the access token before; it is good once.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// Tokens for a program (as RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensGranted {
    /// Shown with each request as `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds for which the access token holds.
    expires_in: u32,
    /// Exchanged for the next two, once.
    refresh_token: String,
    /// Seconds for which the refresh token holds.
    refresh_expires_in: u64,
}

impl From<Granted> for TokensGranted {
    fn from(granted: Granted) -> Self {
        Self {
            access_token: granted.access.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in: granted.expires_in_s,
            refresh_token: granted.refresh.expose_secret().to_owned(),
            refresh_expires_in: granted.refresh_expires_in_s,
        }
    }
}

/// A body that asks for nothing, or for two things.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("send username and password, with directory and code where they are needed, or refresh_token alone")]
struct Unclear;

impl Fault for Unclear {
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
        vec![FieldFault::new("", "unclear", self.to_string())]
    }
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let path = "/api/auth/token";
    vec![
        Route::new(Method::POST, path, act::SignIn, RouteClass::SignIn, grant)
            .says("Sign a program in, or go on by a refresh token: gives an access token and the next refresh token")
            .takes::<TokenRequest>()
            .gives::<TokensGranted>(),
        Route::new(Method::DELETE, path, act::SignOut, RouteClass::Change, end)
            .says("Sign the program out that shows this access token: all its tokens end")
            .with_status(204),
    ]
}

async fn grant(
    caller: Caller,
    State(api): State<Api>,
    Extension(passed): Extension<Passed>,
    body: Body<TokenRequest>,
) -> Result<Json<TokensGranted>, Problem> {
    let TokenRequest {
        username,
        password,
        directory,
        code,
        refresh_token,
    } = body.value;
    let (identity, trail) = (api.identity(), caller.trail());
    let directory = directory.filter(|name| !name.is_empty());
    let granted = match (username, password, (directory, code), refresh_token) {
        (Some(username), Some(password), (directory, code), None) => {
            // Whoever goes on by a refresh token is in already.
            MaySignIn::of(&passed, &api.entrance)?;
            let code = code.filter(|code| !code.expose_secret().is_empty());
            let sign_in = TokenSignIn {
                username,
                password,
                directory,
                code,
            };
            identity.grant_tokens(trail, sign_in).await?
        }
        (None, None, (None, None), Some(refresh)) => identity.refresh_tokens(trail, &refresh).await?,
        _ => return Err(Unclear.into()),
    };
    api.entrance.signed_in(&passed, granted.user).await;
    Ok(Json(granted.into()))
}

async fn end(caller: Caller, State(api): State<Api>) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::SignOut, &Resource::all(ResourceKind::Session))?;
    let family = caller.family().ok_or(NotFound)?;
    api.identity().sign_out(&permit, family).await?;
    Ok(StatusCode::NO_CONTENT)
}
