//! `POST /profile/email`: where mail reaches oneself.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_identity::{EmailChange, LinkError};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_model::EmailAddress;
use watchroom_policy::{Resource, act};
use watchroom_web::Problem;

use super::profile::shown;
use super::step_up::{ProofForm, proven};
use crate::text::EN;
use crate::view::profile::ProfileForms;
use crate::view::{Faults, Flash, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EmailForm {
    email: String,
    password: SecretString,
    code: SecretString,
}

pub(super) async fn change(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<EmailForm>,
) -> Result<Response, Problem> {
    let typed = form.email.trim().to_owned();
    let email = match typed.as_str() {
        "" => None,
        text => match text.parse::<EmailAddress>() {
            Ok(email) => Some(email),
            Err(error) => {
                let fault = FieldFault::new("email", error.code, error.rule);
                return again(&viewer, &panel, typed, fault).await;
            }
        },
    };
    let on = Resource::user(viewer.session.user);
    let asked = (act::ChangeEmail, &on);
    let sent = ProofForm {
        password: form.password,
        code: form.code,
    };
    let (proof, permit) = match proven(&viewer, &panel, asked, sent).await? {
        Ok(both) => both,
        Err(fault) => return again(&viewer, &panel, typed, fault).await,
    };
    let flash = match panel.identity().change_email(&permit, email).await {
        Ok(EmailChange::Done) => Flash::done(EN.email_removed),
        Ok(EmailChange::ToConfirm) => Flash::done(EN.email_to_confirm(typed)),
        Err(error @ LinkError::NoMail) => Flash::trouble(sentence(&error.public())),
        Err(error) => return Err(error.into()),
    };
    proof.finish(answer::redirect_with("/profile", &flash)?)
}

async fn again(
    viewer: &Viewer,
    panel: &Panel,
    typed: String,
    fault: FieldFault,
) -> Result<Response, Problem> {
    let forms = ProfileForms {
        email: Some(typed),
        email_faults: Faults::new(vec![fault]),
        ..ProfileForms::default()
    };
    shown(viewer, panel, StatusCode::BAD_REQUEST, (&forms, None)).await
}
