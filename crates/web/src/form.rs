//! Forms: what a page sent, with the second proof inside it.

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use watchroom_kit::FieldFault;
use watchroom_shield::{BodyForm, Passed};

use crate::caller::Banned;
use crate::csrf::{CsrfError, header_token, same_origin};
use crate::extract::whole;
use crate::problem::InvalidInput;
use crate::{Caller, Cookie, Entrance, PRE_SESSION_COOKIE, Problem};

/// Nothing of the request, but that its address is not banned from signing in: for ways in that are no forms.
#[derive(Clone, Copy, Debug)]
pub struct MaySignIn;

impl<S> FromRequestParts<S> for MaySignIn
where
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        unless_banned(parts.extensions.get(), &Entrance::from_ref(state))?;
        Ok(Self)
    }
}

impl MaySignIn {
    /// The same where the body says whether somebody signs in at all.
    ///
    /// # Errors
    /// A [`Problem`] in whose place the edge answers.
    pub fn of(passed: &Passed, entrance: &Entrance) -> Result<Self, Problem> {
        unless_banned(Some(passed), entrance)?;
        Ok(Self)
    }
}

/// What a signed-in person's form sent. Having one means that the form was ours and fresh.
#[derive(Clone, Debug)]
pub struct Submitted<T> {
    /// Who sent it.
    pub caller: Caller,
    /// The fields.
    pub form: T,
}

/// What the form of the second step of signing in sent, by whoever has proven the first. Having one means that the form was
/// ours and fresh.
#[derive(Clone, Debug)]
pub struct StepSubmitted<T> {
    /// Who sent it.
    pub caller: Caller,
    /// The fields.
    pub form: T,
}

/// What the sign-in or set-up form sent. Having one means that the form was ours and fresh.
#[derive(Clone, Debug)]
pub struct PreSubmitted<T> {
    /// Who sent it; usually nobody known.
    pub caller: Caller,
    /// The fields.
    pub form: T,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf_token: String,
}

struct Read<T> {
    caller: Caller,
    token: String,
    pre_session: Option<String>,
    form: T,
}

impl<T, S> FromRequest<S> for Submitted<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let entrance = Entrance::from_ref(state);
        let read: Read<T> = read(request, state, &entrance).await?;
        let is_ours = match read.caller.session() {
            Some(session) => entrance.identity.check_csrf(session, &read.token),
            // Without a session there is nothing to abuse: the evaluator will ask to sign in.
            None => true,
        };
        if !is_ours {
            return Err(read.caller.forged(CsrfError::Token));
        }
        read.caller.acted();
        Ok(Self {
            caller: read.caller,
            form: read.form,
        })
    }
}

/// A ban from signing in is one for whoever has a session too: they could try others' passwords and codes.
fn unless_banned(passed: Option<&Passed>, entrance: &Entrance) -> Result<(), Banned> {
    match passed.is_some_and(|passed| entrance.shield.refuse_sign_in(passed).is_err()) {
        true => Err(Banned),
        false => Ok(()),
    }
}

impl<T, S> FromRequest<S> for StepSubmitted<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let entrance = Entrance::from_ref(state);
        unless_banned(request.extensions().get(), &entrance)?;
        let Submitted { caller, form } = Submitted::from_request(request, state).await?;
        Ok(Self { caller, form })
    }
}

impl<T, S> FromRequest<S> for PreSubmitted<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    Entrance: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let entrance = Entrance::from_ref(state);
        unless_banned(request.extensions().get(), &entrance)?;
        let read: Read<T> = read(request, state, &entrance).await?;
        let cookie = read.pre_session.as_deref().unwrap_or_default();
        if !entrance.identity.check_pre_session(cookie, &read.token) {
            return Err(read.caller.forged(CsrfError::Token));
        }
        Ok(Self {
            caller: read.caller,
            form: read.form,
        })
    }
}

async fn read<T: DeserializeOwned, S: Send + Sync>(
    request: Request,
    state: &S,
    entrance: &Entrance,
) -> Result<Read<T>, Problem> {
    let (parts, body) = request.into_parts();
    let caller = Caller::recognise(&parts, entrance).await?;
    same_origin(&parts).map_err(|error| caller.forged(error))?;
    let header = header_token(&parts.headers).map(str::to_owned);
    let pre_session = Cookie::find(&parts.headers, PRE_SESSION_COOKIE).map(str::to_owned);
    let passed = parts.extensions.get::<Passed>().cloned();
    let bytes = whole(Request::from_parts(parts, body), state).await?;
    entrance.inspect(passed.as_ref(), BodyForm::Form, &bytes)?;
    let token: Token = serde_urlencoded::from_bytes(&bytes).map_err(unreadable)?;
    let form = serde_urlencoded::from_bytes(&bytes).map_err(unreadable)?;
    Ok(Read {
        caller,
        token: header.unwrap_or(token.csrf_token),
        pre_session,
        form,
    })
}

fn unreadable(error: impl std::fmt::Display) -> Problem {
    InvalidInput(FieldFault::new(
        "",
        "unreadable",
        format!("the form cannot be read: {error}"),
    ))
    .into()
}
