//! The pages behind one-time links: an invitation, a new password, a confirmed address. The secret stands behind the `#`,
//! and a script puts it into the form; without one it is copied there by hand.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{Accept, LinkError, ResetByLink};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_policy::{Resource, act};
use watchroom_shield::{Passed, RouteClass};
use watchroom_web::{PreSubmitted, Problem, Route};

use super::entry::{Before, chosen, replace};
use super::mfa::next_step;
use crate::text::EN;
use crate::view::links::{ConfirmPage, InvitationPage, InvitationTyped, ResetPage};
use crate::view::{Faults, Flash, sentence};
use crate::viewer::{Form, Viewer, theme_of};
use crate::{Panel, answer};

/// What the form behind an invitation sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AcceptForm {
    code: String,
    username: String,
    display_name: String,
    password: SecretString,
    confirm_password: SecretString,
}

/// What the form for a new password sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResetForm {
    code: String,
    new_password: SecretString,
    confirm_password: SecretString,
}

/// What the form that confirms an address sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConfirmForm {
    code: String,
}

/// What one-time links open.
pub(super) fn routes() -> Vec<Route<Panel>> {
    let (page, sign_in) = (RouteClass::Page, RouteClass::SignIn);
    vec![
        Route::new(Method::GET, "/invitation", act::LookAround, page, invitation_page),
        Route::new(
            Method::POST,
            "/invitation",
            act::AcceptInvitation,
            sign_in,
            accept,
        )
        .free_text(&["display_name"]),
        Route::new(Method::GET, "/reset-password", act::LookAround, page, reset_page),
        Route::new(Method::POST, "/reset-password", act::ResetByLink, sign_in, reset),
        Route::new(
            Method::GET,
            "/confirm-email",
            act::ConfirmEmail,
            page,
            confirm_page,
        ),
        Route::new(
            Method::POST,
            "/confirm-email",
            act::ConfirmEmail,
            RouteClass::Change,
            confirm,
        ),
    ]
}

pub(super) async fn invitation_page(
    State(panel): State<Panel>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    invitation_form(
        &panel,
        &headers,
        InvitationTyped::default(),
        &Faults::default(),
        None,
    )
}

fn invitation_form(
    panel: &Panel,
    headers: &HeaderMap,
    typed: InvitationTyped,
    faults: &Faults,
    refused: Option<(StatusCode, String)>,
) -> Result<Response, Problem> {
    let before = Before::of(panel, headers);
    let (status, message) = refused.unzip();
    let page = InvitationPage::new(
        theme_of(headers),
        before.token().to_owned(),
        typed,
        faults,
        message.map(Flash::trouble),
    );
    before.finish(answer::page_with(status.unwrap_or(StatusCode::OK), &page)?)
}

pub(super) async fn accept(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
    sent: PreSubmitted<AcceptForm>,
) -> Result<Response, Problem> {
    let form = sent.form;
    let typed = InvitationTyped {
        code: form.code.clone(),
        username: form.username.clone(),
        display_name: form.display_name.clone(),
    };
    let asked = match accepted(form) {
        Ok(asked) => asked,
        Err(faults) => {
            let refused = Some((StatusCode::BAD_REQUEST, EN.form_has_faults.to_owned()));
            return invitation_form(&panel, &headers, typed, &Faults::new(faults), refused);
        }
    };
    match panel
        .identity()
        .accept_invitation(sent.caller.trail(), asked)
        .await
    {
        Ok(signed_in) => {
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            replace(&panel, &sent.caller).await?;
            let to = match signed_in.session.is_half() {
                true => next_step(&signed_in.session, "/"),
                false => "/".to_owned(),
            };
            let response = answer::redirect_with(&to, &Flash::done(EN.invitation_accepted))?;
            let response = answer::with_session(response, &signed_in)?;
            answer::with_cookie(response, watchroom_web::PRE_SESSION_COOKIE, "", Some(0))
        }
        Err(error @ (LinkError::Over | LinkError::Password(_) | LinkError::NameTaken)) => {
            let refused = Some((status_of(&error), sentence(&error.public())));
            invitation_form(&panel, &headers, typed, &Faults::new(error.fields()), refused)
        }
        Err(error) => Err(error.into()),
    }
}

fn status_of(error: &LinkError) -> StatusCode {
    StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The form as identity wants it, or all that is wrong with it.
fn accepted(form: AcceptForm) -> Result<Accept, Vec<FieldFault>> {
    let (name, display_name) = chosen(
        &form.username,
        &form.display_name,
        &form.password,
        &form.confirm_password,
    )?;
    Ok(Accept {
        code: form.code.trim().into(),
        name,
        display_name,
        password: form.password,
    })
}

pub(super) async fn reset_page(State(panel): State<Panel>, headers: HeaderMap) -> Result<Response, Problem> {
    reset_form(&panel, &headers, String::new(), &Faults::default(), None)
}

fn reset_form(
    panel: &Panel,
    headers: &HeaderMap,
    code: String,
    faults: &Faults,
    refused: Option<(StatusCode, String)>,
) -> Result<Response, Problem> {
    let before = Before::of(panel, headers);
    let (status, message) = refused.unzip();
    let page = ResetPage::new(
        theme_of(headers),
        before.token().to_owned(),
        code,
        faults,
        message.map(Flash::trouble),
    );
    before.finish(answer::page_with(status.unwrap_or(StatusCode::OK), &page)?)
}

pub(super) async fn reset(
    State(panel): State<Panel>,
    headers: HeaderMap,
    sent: PreSubmitted<ResetForm>,
) -> Result<Response, Problem> {
    let form = sent.form;
    let code = form.code.trim().to_owned();
    let asked = ResetByLink {
        code: code.as_str().into(),
        new: form.new_password,
        confirm: form.confirm_password,
    };
    match panel.identity().reset_by_link(sent.caller.trail(), asked).await {
        Ok(()) => answer::redirect_with("/login", &Flash::done(EN.reset_done)),
        Err(error @ (LinkError::Over | LinkError::Password(_))) => {
            let refused = Some((status_of(&error), sentence(&error.public())));
            reset_form(&panel, &headers, code, &Faults::new(error.fields()), refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// Only the person whose address it is to be, signed in, confirms it.
pub(super) async fn confirm_page(viewer: Viewer) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ConfirmEmail, &Resource::user(viewer.session.user))?;
    let page = ConfirmPage::new(viewer.theme(), viewer.csrf());
    viewer.page(&page)
}

pub(super) async fn confirm(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<ConfirmForm>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::ConfirmEmail, &Resource::user(viewer.session.user))?;
    let flash = match panel
        .identity()
        .confirm_email(&permit, form.code.trim().into())
        .await
    {
        Ok(()) => Flash::done(EN.email_confirmed),
        Err(error) => Flash::trouble(sentence(&error.public())),
    };
    answer::redirect_with("/profile", &flash)
}
