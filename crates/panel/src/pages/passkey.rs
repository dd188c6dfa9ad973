//! Passkeys: what browsers are asked for, and what they bring: to sign in, as second factor, as fresh proof, to be kept.
//!
//! A script asks by `.../options` and puts what the browser brings into the fields of a form. Without scripts the buttons
//! are not there, and everything else works.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{
    FactorError, NoSite, PasskeyAnswer, PasskeyCreation, PasskeyRequest, PasskeySignIn, PasskeySignInError,
    RegisterPasskey, SecondStepError, Session, SignInError, Site,
};
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::{Passed, RouteClass};
use watchroom_web::{
    Cookie, DEVICE_COOKIE, Json, NotFound, PRE_SESSION_COOKIE, PreSubmitted, Problem, Route, StepSubmitted,
};

use super::entry::{Nothing, replace, sign_in_again};
use super::mfa::{enrol_again, enrolled, second_again};
use crate::text::EN;
use crate::view::Flash;
use crate::view::passkey::PasskeyForm;
use crate::viewer::Form;
use crate::{Panel, answer};

pub(super) fn routes() -> Vec<Route<Panel>> {
    // Asking for a challenge guesses at nothing; bringing an answer is a try like any other.
    let (ask, bring) = (RouteClass::Change, RouteClass::SignIn);
    let post = Method::POST;
    vec![
        Route::new(
            post.clone(),
            "/login/passkey/options",
            act::LookAround,
            ask,
            ask_to_sign_in,
        ),
        Route::new(post.clone(), "/login/passkey/verify", act::SignIn, bring, sign_in),
        Route::new(
            post.clone(),
            "/login/mfa/passkey/options",
            act::AskForFactor,
            ask,
            ask_as_second,
        ),
        Route::new(
            post.clone(),
            "/login/mfa/passkey",
            act::ProveSecondFactor,
            bring,
            second,
        ),
        Route::new(
            post.clone(),
            "/mfa/passkey/options",
            act::AskForFactor,
            ask,
            ask_to_make,
        ),
        Route::new(post.clone(), "/mfa/passkey", act::AddFactor, bring, make),
        Route::new(
            post.clone(),
            "/step-up/passkey/options",
            act::SeeSelf,
            ask,
            ask_to_step_up,
        ),
        Route::new(post, "/step-up/passkey", act::StepUp, bring, step_up),
    ]
}

/// Why no passkey works where the page was asked for, as a fault.
#[derive(Debug, thiserror::Error)]
#[error("no passkey works where the page was asked for: {0:?}")]
pub(super) struct Nowhere(NoSite);

impl Fault for Nowhere {
    fn kind(&self) -> FaultKind {
        FaultKind::Conflict
    }

    fn slug(&self) -> &'static str {
        "passkey-not-here"
    }

    fn public(&self) -> String {
        why(self.0).to_owned()
    }
}

/// The same in the page's words.
pub(super) const fn why(no: NoSite) -> &'static str {
    match no {
        NoSite::Address => EN.passkey_needs_name,
        NoSite::Insecure => EN.passkey_needs_https,
    }
}

/// Where the browser asks. The edge has let its host through.
pub(crate) fn site(passed: &Passed) -> Result<Site, NoSite> {
    let host = passed.host.as_ref().map(ToString::to_string).unwrap_or_default();
    Site::of(&host, passed.is_https)
}

fn here(passed: &Passed) -> Result<Site, Nowhere> {
    site(passed).map_err(Nowhere)
}

/// The form by which a half session brings a passkey; none where its person has none.
pub(super) fn form_for_second(
    panel: &Panel,
    passed: &Passed,
    session: &Session,
    next: &str,
) -> Option<PasskeyForm> {
    if !panel.identity().has_passkey(session) {
        return None;
    }
    let csrf = panel.identity().csrf_token(session);
    Some(match site(passed) {
        Ok(site) if panel.identity().has_passkey_for(session, &site) => PasskeyForm::second(csrf, next),
        Ok(_) => PasskeyForm::nowhere(EN.passkey_elsewhere),
        Err(no) => PasskeyForm::nowhere(why(no)),
    })
}

/// What a form brings of a passkey.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnswerForm {
    challenge: String,
    id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: String,
    remember_me: Option<String>,
    next: String,
}

impl AnswerForm {
    fn answer(self) -> PasskeyAnswer {
        PasskeyAnswer {
            challenge: self.challenge,
            id: self.id,
            client_data: self.client_data,
            authenticator_data: self.authenticator_data,
            signature: self.signature,
            user_handle: self.user_handle,
        }
    }
}

async fn ask_to_sign_in(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    _: PreSubmitted<Nothing>,
) -> Result<Json<PasskeyRequest>, Problem> {
    let pre_session = Cookie::find(&headers, PRE_SESSION_COOKIE).unwrap_or_default();
    let asked = panel
        .identity()
        .ask_passkey_to_sign_in(pre_session, &here(&passed)?)?;
    Ok(Json(asked))
}

async fn sign_in(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: PreSubmitted<AnswerForm>,
) -> Result<Response, Problem> {
    let site = here(&passed)?;
    let (next, remember_me) = (sent.form.next.clone(), sent.form.remember_me.is_some());
    let asked = PasskeySignIn {
        answer: &sent.form.answer(),
        site: &site,
        pre_session: Cookie::find(&headers, PRE_SESSION_COOKIE).unwrap_or_default(),
        remember_me,
        device: Cookie::find(&headers, DEVICE_COOKIE),
    };
    match panel
        .identity()
        .sign_in_by_passkey(sent.caller.trail(), asked)
        .await
    {
        Ok(signed_in) => {
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            replace(&panel, &sent.caller).await?;
            let to = answer::path_of_ours(&next).unwrap_or("/");
            let response = answer::with_session(answer::redirect(to)?, &signed_in)?;
            answer::with_cookie(response, PRE_SESSION_COOKIE, "", Some(0))
        }
        Err(
            error @ (PasskeySignInError::Over
            | PasskeySignInError::Refused(
                SignInError::Wrong { .. } | SignInError::Locked { .. } | SignInError::SwitchedOff(_),
            )),
        ) if answer::wants_page(&headers) => sign_in_again(&panel, &passed, &headers, next, &error),
        Err(error) => Err(error.into()),
    }
}

async fn ask_as_second(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    sent: StepSubmitted<Nothing>,
) -> Result<Json<PasskeyRequest>, Problem> {
    let on = Resource::all(ResourceKind::Session);
    sent.caller.permit(act::ProveSecondFactor, &on)?;
    let session = sent.caller.session().ok_or(NotFound)?;
    let asked = panel.identity().ask_passkey_as_second(session, &here(&passed)?);
    Ok(Json(asked))
}

async fn second(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: StepSubmitted<AnswerForm>,
) -> Result<Response, Problem> {
    let on = Resource::all(ResourceKind::Session);
    sent.caller.permit(act::ProveSecondFactor, &on)?;
    let session = sent.caller.session().ok_or(NotFound)?;
    let site = here(&passed)?;
    let next = sent.form.next.clone();
    let to = answer::path_of_ours(&next).unwrap_or("/");
    let brought = sent.form.answer();
    let device = Cookie::find(&headers, DEVICE_COOKIE);
    let proven =
        panel
            .identity()
            .prove_second_by_passkey(session, sent.caller.trail(), (&site, &brought), device);
    match proven.await {
        Ok(signed_in) => {
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            answer::with_session(answer::redirect(to)?, &signed_in)
        }
        Err(SecondStepError::NotAsked) if answer::wants_page(&headers) => answer::redirect(to),
        Err(
            error @ (SecondStepError::Over
            | SecondStepError::Refused(SignInError::Wrong { .. } | SignInError::Locked { .. })),
        ) if answer::wants_page(&headers) => {
            let said = match error {
                SecondStepError::Refused(SignInError::Wrong { .. }) => EN.passkey_refused.to_owned(),
                _ => crate::view::sentence(&error.public()),
            };
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::UNAUTHORIZED);
            second_again(
                &panel,
                &passed,
                session,
                &headers,
                (status, next, Flash::trouble(said)),
            )
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask_to_make(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    sent: StepSubmitted<Nothing>,
) -> Result<Json<PasskeyCreation>, Problem> {
    let permit = sent
        .caller
        .permit(act::AddFactor, &Resource::all(ResourceKind::User))?;
    let session = sent.caller.session().ok_or(NotFound)?;
    let asked = panel
        .identity()
        .offer_passkey(&permit, session, &here(&passed)?)?;
    Ok(Json(asked))
}

/// What a form brings of a new passkey.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MadeForm {
    challenge: String,
    client_data: String,
    attestation: String,
    name: String,
    next: String,
}

async fn make(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: StepSubmitted<MadeForm>,
) -> Result<Response, Problem> {
    let caller = sent.caller;
    let permit = caller.permit(act::AddFactor, &Resource::all(ResourceKind::User))?;
    let session = caller.session().ok_or(NotFound)?;
    let site = here(&passed)?;
    let MadeForm {
        challenge,
        client_data,
        attestation,
        name,
        next,
    } = sent.form;
    let made = RegisterPasskey {
        challenge,
        client_data,
        attestation,
        name,
        device: Cookie::find(&headers, DEVICE_COOKIE).map(str::to_owned),
    };
    match panel
        .identity()
        .register_passkey(&permit, session, &site, made)
        .await
    {
        Ok(done) => enrolled(&panel, &passed, &headers, &done, &next).await,
        Err(
            error @ (FactorError::Passkey(_)
            | FactorError::Name
            | FactorError::OfferOver
            | FactorError::Known
            | FactorError::TooMany { .. }),
        ) if answer::wants_page(&headers) => {
            enrol_again(&panel, &passed, (&caller, &headers), &next, &error).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask_to_step_up(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Json<PasskeyRequest>, Problem> {
    let on = Resource::all(ResourceKind::Session);
    viewer.caller.permit(act::StepUp, &on)?;
    let asked = panel
        .identity()
        .ask_passkey_to_step_up(&viewer.session, &here(&passed)?);
    Ok(Json(asked))
}

/// A script asks, so that what was typed into the page stays there.
async fn step_up(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    Form { viewer, form }: Form<AnswerForm>,
) -> Result<Response, Problem> {
    let site = here(&passed)?;
    let brought = form.answer();
    let risen = panel
        .identity()
        .step_up_by_passkey(&viewer.session, viewer.caller.trail(), &site, &brought)
        .await?;
    panel.entrance.signed_in(&passed, risen.session.user).await;
    answer::with_session(StatusCode::NO_CONTENT.into_response(), &risen)
}
