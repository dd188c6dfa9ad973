//! Signing in and out, set-up, and the page after a session's end.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use watchroom_identity::{
    DirectoryError, Method, OutsideError, PasskeySignInError, SetUp, SetUpError, SignIn, SignInError,
    SignedIn, Way,
};
use watchroom_kit::{ExposeSecret, Fault, FieldFault, SecretString};
use watchroom_model::{DisplayName, UserName};
use watchroom_policy::{Resource, ResourceKind, Trail, act};
use watchroom_shield::Passed;
use watchroom_web::{
    Caller, ClosedWay, Cookie, DEVICE_COOKIE, PRE_SESSION_COOKIE, PreSubmitted, Problem, Query, Submitted,
};

use super::mfa::next_step;
use super::passkey::{site, why};
use crate::Panel;
use crate::answer;
use crate::text::EN;
use crate::view::entry::{ExpiredPage, SetupPage, SetupTyped, SignInPage, SignInTyped};
use crate::view::outside::WayButton;
use crate::view::passkey::PasskeyForm;
use crate::view::{Faults, Flash, query, sentence};
use crate::viewer::theme_of;

/// The query of the sign-in page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInQuery {
    next: String,
}

/// What the sign-in form sends.
#[derive(Debug, Deserialize)]
pub(super) struct SignInForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: SecretString,
    /// The directory that knows them; empty for this Watchroom.
    #[serde(default)]
    directory: String,
    remember_me: Option<String>,
    #[serde(default)]
    next: String,
}

/// What the set-up form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SetUpForm {
    code: String,
    username: String,
    display_name: String,
    password: SecretString,
    confirm_password: SecretString,
    allow_host: Option<String>,
    allow_network: Option<String>,
}

/// A form before sign-in: its token, and the cookie to set if the browser has none that holds.
pub(super) struct Before {
    token: String,
    new_cookie: Option<String>,
}

impl Before {
    pub(super) fn of(panel: &Panel, headers: &HeaderMap) -> Self {
        let held = Cookie::find(headers, PRE_SESSION_COOKIE)
            .and_then(|cookie| panel.identity().pre_session_token(cookie));
        held.map_or_else(
            || {
                let fresh = panel.identity().pre_session();
                Self {
                    token: fresh.token,
                    new_cookie: Some(fresh.cookie),
                }
            },
            |token| Self {
                token,
                new_cookie: None,
            },
        )
    }

    /// The token for the form.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn finish(self, response: Response) -> Result<Response, Problem> {
        match self.new_cookie {
            Some(cookie) => answer::with_cookie(response, PRE_SESSION_COOKIE, &cookie, None),
            None => Ok(response),
        }
    }
}

pub(super) async fn sign_in_page(
    caller: Caller,
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    Query(query): Query<SignInQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !panel.identity().is_set_up() {
        return answer::redirect("/setup");
    }
    if let Some(session) = caller.session() {
        return match session.is_half() {
            true => answer::redirect(&next_step(session, &query.next)),
            false => answer::redirect(answer::path_of_ours(&query.next).unwrap_or("/")),
        };
    }
    let typed = SignInTyped {
        next: query.next,
        ..SignInTyped::default()
    };
    let flash = answer::flash_of(&headers);
    sign_in_form(&panel, &passed, &headers, (StatusCode::OK, flash), typed)
}

/// The form again, after a passkey that opened nothing.
pub(super) fn sign_in_again(
    panel: &Panel,
    passed: &Passed,
    headers: &HeaderMap,
    next: String,
    error: &PasskeySignInError,
) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let typed = SignInTyped {
        next,
        ..SignInTyped::default()
    };
    let flash = Flash::trouble(sentence(&error.public()));
    sign_in_form(panel, passed, headers, (status, Some(flash)), typed)
}

fn sign_in_form(
    panel: &Panel,
    passed: &Passed,
    headers: &HeaderMap,
    (status, flash): (StatusCode, Option<Flash>),
    typed: SignInTyped,
) -> Result<Response, Problem> {
    let directories = panel.identity().directories().iter();
    let before = Before::of(panel, headers);
    let typed = SignInTyped {
        ways: ways(panel, &typed.next),
        without_passwords: !panel.identity().offers(Method::Password),
        directories: directories
            .map(|one| (one.name().to_owned(), one.title().to_owned()))
            .collect(),
        ..typed
    };
    let passkey = panel
        .identity()
        .offers(Method::Passkey)
        .then(|| match site(passed) {
            Ok(_) => PasskeyForm::sign_in(before.token.clone(), &typed.next),
            Err(no) => PasskeyForm::nowhere(why(no)),
        });
    let page = SignInPage::new(theme_of(headers), before.token.clone(), typed, (flash, passkey));
    let response = answer::page_with(status, &page)?;
    before.finish(answer::with_cookie(response, answer::FLASH_COOKIE, "", Some(0))?)
}

/// Buttons for all ways in but the password.
pub(super) fn ways(panel: &Panel, next: &str) -> Vec<WayButton> {
    let next = answer::path_of_ours(next).unwrap_or_default();
    let button = |way: &Way| WayButton {
        href: format!("/login/oidc/{}{}", way.name, query(&[("next", next)])),
        words: EN.way_in(&way.title),
    };
    let by_mail = panel.identity().offers_links().then(|| WayButton {
        href: "/login/magic".to_owned(),
        words: EN.magic_instead.to_owned(),
    });
    panel.providers.ways().iter().map(button).chain(by_mail).collect()
}

pub(super) async fn sign_in(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: PreSubmitted<SignInForm>,
) -> Result<Response, Problem> {
    // Nobody whom a directory knows comes before the first administrator.
    if !panel.identity().is_set_up() {
        return answer::redirect("/setup");
    }
    let SignInForm {
        username,
        password,
        directory,
        remember_me,
        next,
    } = sent.form;
    let typed = SignInTyped {
        username: username.clone(),
        directory,
        remember_me: remember_me.is_some(),
        next,
        ..SignInTyped::default()
    };
    let to = answer::path_of_ours(&typed.next).unwrap_or("/").to_owned();
    let asked = SignIn {
        username,
        password,
        remember_me: typed.remember_me,
        device: Cookie::find(&headers, DEVICE_COOKIE).map(str::to_owned),
    };
    match signed_in(&panel, sent.caller.trail(), &typed.directory, asked).await {
        Ok(signed_in) => {
            // Of two steps each gives back its own.
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            replace(&panel, &sent.caller).await?;
            let to = match signed_in.session.is_half() {
                true => next_step(&signed_in.session, &to),
                false => to,
            };
            let response = answer::with_session(answer::redirect(&to)?, &signed_in)?;
            answer::with_cookie(response, PRE_SESSION_COOKIE, "", Some(0))
        }
        Err(error) if answer::wants_page(&headers) && is_for_the_page(&error) => {
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::UNAUTHORIZED);
            let flash = Flash::trouble(refused(&error));
            sign_in_form(&panel, &passed, &headers, (status, Some(flash)), typed)
        }
        Err(error) => Err(error.into()),
    }
}

/// Signs somebody in with an account of this Watchroom, or by the directory that they chose.
async fn signed_in(
    panel: &Panel,
    trail: &Trail,
    directory: &str,
    asked: SignIn,
) -> Result<SignedIn, DirectoryError> {
    let identity = panel.identity();
    if directory.is_empty() {
        return Ok(identity.sign_in(trail, asked).await?);
    }
    let chosen = identity.directory_named(directory)?;
    identity.sign_in_by_directory(trail, chosen, asked).await
}

/// Whether the form is shown again, with what happened.
const fn is_for_the_page(error: &DirectoryError) -> bool {
    matches!(
        error,
        DirectoryError::SignIn(
            SignInError::Wrong { .. } | SignInError::Locked { .. } | SignInError::SwitchedOff(_)
        ) | DirectoryError::Outside(OutsideError::NoAccount | OutsideError::NoRole | OutsideError::Disabled)
            | DirectoryError::Away(_)
    )
}

/// A refused sign-in in the page's words.
fn refused(error: &DirectoryError) -> String {
    match error {
        DirectoryError::SignIn(SignInError::Wrong {
            remaining_attempts: 1,
            locked_until: None,
        }) => EN.sign_in_attempts_one.to_owned(),
        DirectoryError::SignIn(SignInError::Wrong {
            remaining_attempts,
            locked_until: None,
        }) => EN.sign_in_attempts_many(remaining_attempts),
        other => sentence(&other.public()),
    }
}

pub(super) async fn setup_page(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if panel.identity().is_set_up() {
        return answer::redirect("/login");
    }
    let typed = SetupTyped {
        way: panel.ways.closed(&passed),
        allow_host: true,
        allow_network: true,
        ..SetupTyped::default()
    };
    setup_form(&panel, &headers, typed, &Faults::default(), None)
}

fn setup_form(
    panel: &Panel,
    headers: &HeaderMap,
    typed: SetupTyped,
    faults: &Faults,
    refused: Option<(StatusCode, String)>,
) -> Result<Response, Problem> {
    let before = Before::of(panel, headers);
    let (status, message) = refused.unzip();
    let page = SetupPage::new(
        theme_of(headers),
        before.token.clone(),
        typed,
        faults,
        message.map(Flash::trouble),
    );
    before.finish(answer::page_with(status.unwrap_or(StatusCode::OK), &page)?)
}

pub(super) async fn set_up(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: PreSubmitted<SetUpForm>,
) -> Result<Response, Problem> {
    let form = sent.form;
    let typed = SetupTyped {
        code: form.code.clone(),
        username: form.username.clone(),
        display_name: form.display_name.clone(),
        way: panel.ways.closed(&passed),
        allow_host: form.allow_host.is_some(),
        allow_network: form.allow_network.is_some(),
    };
    let way = typed.ticked();
    let asked = match asked(form, &way) {
        Ok(asked) => asked,
        Err(faults) => {
            let refused = Some((StatusCode::BAD_REQUEST, EN.form_has_faults.to_owned()));
            return setup_form(&panel, &headers, typed, &Faults::new(faults), refused);
        }
    };
    match panel.identity().set_up(sent.caller.trail(), asked).await {
        Ok(signed_in) => {
            let to = match signed_in.session.is_half() {
                true => next_step(&signed_in.session, "/"),
                false => "/".to_owned(),
            };
            let response = answer::redirect_with(&to, &opened(&panel, &way))?;
            let response = answer::with_session(response, &signed_in)?;
            answer::with_cookie(response, PRE_SESSION_COOKIE, "", Some(0))
        }
        Err(error @ (SetUpError::Code | SetUpError::Password(_))) => {
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
            let refused = Some((status, sentence(&error.public())));
            setup_form(&panel, &headers, typed, &Faults::new(error.fields()), refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens what was ticked, and says how that went. The account is there in any case.
fn opened(panel: &Panel, way: &ClosedWay) -> Flash {
    if *way == ClosedWay::default() {
        return Flash::done(EN.setup_done);
    }
    match panel.ways.open(way) {
        Ok(()) => Flash::done(EN.setup_done),
        Err(error) => {
            tracing::error!(%error, "what was allowed at set-up could not be kept; a restart forgets it");
            Flash::trouble(EN.setup_not_kept)
        }
    }
}

/// The form as identity wants it, or all that is wrong with it.
fn asked(form: SetUpForm, way: &ClosedWay) -> Result<SetUp, Vec<FieldFault>> {
    let host = way.host.iter().map(|host| ("allowed_host", host.clone()));
    let network = way
        .network
        .iter()
        .map(|network| ("allowed_network", network.to_string()));
    let allowed = host.chain(network).collect();
    let (name, display_name) = chosen(
        &form.username,
        &form.display_name,
        &form.password,
        &form.confirm_password,
    )?;
    Ok(SetUp {
        code: form.code.trim().into(),
        name,
        display_name,
        password: form.password,
        allowed,
    })
}

/// The names of an account that somebody makes for themselves, or all that is wrong with them and the password typed twice.
/// Whoever leaves out the name that others see is seen by the user name.
pub(super) fn chosen(
    username: &str,
    display_name: &str,
    password: &SecretString,
    again: &SecretString,
) -> Result<(UserName, DisplayName), Vec<FieldFault>> {
    let mut faults = Vec::new();
    let shown = match display_name.trim() {
        "" => username,
        shown => shown,
    };
    let name = username.parse::<UserName>();
    let display_name = shown.parse::<DisplayName>();
    if let Err(error) = &name {
        faults.push(FieldFault::new("username", error.code, error.rule));
    }
    if let (Ok(_), Err(error)) = (&name, &display_name) {
        faults.push(FieldFault::new("display_name", error.code, error.rule));
    }
    if password.expose_secret() != again.expose_secret() {
        faults.push(FieldFault::new(
            "confirm_password",
            "differs",
            EN.passwords_differ,
        ));
    }
    match (name, display_name, faults.is_empty()) {
        (Ok(name), Ok(display_name), true) => Ok((name, display_name)),
        _ => Err(faults),
    }
}

/// A link on anybody's page leads here too: whoever is still signed in stays so, and only a cookie with no
/// session behind it is taken away.
pub(super) async fn expired(caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let page = ExpiredPage::new(theme_of(&headers));
    let response = answer::page_with(StatusCode::UNAUTHORIZED, &page)?;
    if caller.session().is_some() {
        return Ok(response);
    }
    answer::without_session(response)
}

/// Ends the session that the browser had until now: nobody can reach it from there any more, and a copy of its cookie
/// shall not go on.
pub(super) async fn replace(panel: &Panel, caller: &Caller) -> Result<(), Problem> {
    let Some(old) = caller.session() else {
        return Ok(());
    };
    let permit = caller.permit(act::SignOut, &Resource::all(ResourceKind::Session))?;
    Ok(panel.identity().sign_out(&permit, old).await?)
}

/// A form without fields of its own.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn sign_out(
    State(panel): State<Panel>,
    sent: Submitted<Nothing>,
) -> Result<Response, Problem> {
    let caller = sent.caller;
    if caller.session().is_none() {
        return answer::redirect("/login");
    }
    let permit = caller.permit(act::SignOut, &Resource::all(ResourceKind::Session))?;
    let session = caller.found(caller.session())?;
    panel.identity().sign_out(&permit, session).await?;
    let response = answer::redirect_with("/login", &Flash::done(EN.signed_out))?;
    answer::without_session(response)
}
