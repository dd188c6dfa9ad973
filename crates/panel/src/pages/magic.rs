//! Signing in by a link that comes by mail: asking for it, and the page that it opens.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{EnterByLink, LinkError};
use watchroom_kit::{ExposeSecret, Fault, FieldFault, SecretString};
use watchroom_model::EmailAddress;
use watchroom_policy::act;
use watchroom_shield::{Passed, RouteClass};
use watchroom_web::{Cookie, DEVICE_COOKIE, NotFound, PRE_SESSION_COOKIE, PreSubmitted, Problem, Route};

use super::entry::{Before, replace};
use super::mfa::next_step;
use crate::view::magic::{AskPage, AskedPage, EnterPage};
use crate::view::{Faults, Flash, sentence};
use crate::viewer::theme_of;
use crate::{Panel, answer};

/// The cookie of the browser that asked; the link is bound to it.
const MAGIC_COOKIE: &str = "__Host-watchroom_magic";
/// As long as the link holds, in seconds.
const HOLDS_S: u64 = 15 * 60;

/// What the form that asks for a link sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AskForm {
    email: String,
}

/// What the form behind the link sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnterForm {
    code: String,
    typed: SecretString,
}

/// Asking for a link, and what it opens.
pub(super) fn routes() -> Vec<Route<Panel>> {
    let (page_class, sign_in) = (RouteClass::Page, RouteClass::SignIn);
    vec![
        Route::new(Method::GET, "/login/magic", act::LookAround, page_class, page),
        Route::new(Method::POST, "/login/magic", act::AskForLink, sign_in, ask),
        Route::new(Method::GET, "/login/link", act::LookAround, page_class, link_page),
        Route::new(Method::POST, "/login/link", act::SignIn, sign_in, enter),
    ]
}

pub(super) async fn page(State(panel): State<Panel>, headers: HeaderMap) -> Result<Response, Problem> {
    if !panel.identity().offers_links() {
        return Err(NotFound.into());
    }
    ask_form(&panel, &headers, StatusCode::OK, ("", &Faults::default()), None)
}

fn ask_form(
    panel: &Panel,
    headers: &HeaderMap,
    status: StatusCode,
    typed: (&str, &Faults),
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let before = Before::of(panel, headers);
    let page = AskPage::new(theme_of(headers), before.token().to_owned(), typed, flash);
    before.finish(answer::page_with(status, &page)?)
}

pub(super) async fn ask(
    State(panel): State<Panel>,
    headers: HeaderMap,
    sent: PreSubmitted<AskForm>,
) -> Result<Response, Problem> {
    let typed = sent.form.email.trim();
    let email = match typed.parse::<EmailAddress>() {
        Ok(email) => email,
        Err(error) => {
            let faults = Faults::new(vec![FieldFault::new("email", error.code, error.rule)]);
            return ask_form(&panel, &headers, StatusCode::BAD_REQUEST, (typed, &faults), None);
        }
    };
    let device = Cookie::find(&headers, DEVICE_COOKIE);
    let asked = panel.identity().ask_for_link(sent.caller.trail(), &email, device);
    let offer = asked.await?;
    let page = AskedPage::new(theme_of(&headers), offer.code.expose_secret());
    let response = answer::page_with(StatusCode::OK, &page)?;
    answer::with_cookie(
        response,
        MAGIC_COOKIE,
        offer.browser.expose_secret(),
        Some(HOLDS_S),
    )
}

pub(super) async fn link_page(State(panel): State<Panel>, headers: HeaderMap) -> Result<Response, Problem> {
    if !panel.identity().offers_links() {
        return Err(NotFound.into());
    }
    enter_form(&panel, &headers, StatusCode::OK, "", None)
}

fn enter_form(
    panel: &Panel,
    headers: &HeaderMap,
    status: StatusCode,
    code: &str,
    flash: Option<Flash>,
) -> Result<Response, Problem> {
    let before = Before::of(panel, headers);
    let is_same_browser = Cookie::find(headers, MAGIC_COOKIE).is_some();
    let page = EnterPage::new(
        theme_of(headers),
        before.token().to_owned(),
        code,
        is_same_browser,
        flash,
    );
    before.finish(answer::page_with(status, &page)?)
}

pub(super) async fn enter(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: PreSubmitted<EnterForm>,
) -> Result<Response, Problem> {
    let code = sent.form.code.trim().to_owned();
    let asked = EnterByLink {
        code: code.as_str().into(),
        browser: Cookie::find(&headers, MAGIC_COOKIE).map(str::to_owned),
        typed: Some(sent.form.typed),
        device: Cookie::find(&headers, DEVICE_COOKIE).map(str::to_owned),
    };
    match panel.identity().enter_by_link(sent.caller.trail(), asked).await {
        Ok(signed_in) => {
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            replace(&panel, &sent.caller).await?;
            let to = match signed_in.session.is_half() {
                true => next_step(&signed_in.session, "/"),
                false => "/".to_owned(),
            };
            let response = answer::with_session(answer::redirect(&to)?, &signed_in)?;
            let response = answer::with_cookie(response, MAGIC_COOKIE, "", Some(0))?;
            answer::with_cookie(response, PRE_SESSION_COOKIE, "", Some(0))
        }
        Err(error @ (LinkError::Over | LinkError::OtherBrowser { .. })) => {
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::FORBIDDEN);
            let flash = Some(Flash::trouble(sentence(&error.public())));
            enter_form(&panel, &headers, status, &code, flash)
        }
        Err(error) => Err(error.into()),
    }
}
