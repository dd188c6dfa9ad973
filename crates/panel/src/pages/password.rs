//! `POST /change-password`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_identity::ChangePassword;
use watchroom_kit::{Fault, SecretString};
use watchroom_policy::{Resource, act};
use watchroom_shield::Passed;
use watchroom_web::Problem;

use super::profile::shown;
use crate::text::EN;
use crate::view::profile::ProfileForms;
use crate::view::{Faults, Flash};
use crate::viewer::Form;
use crate::{Panel, answer};

/// What the password form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PasswordForm {
    old_password: SecretString,
    new_password: SecretString,
    confirm_password: SecretString,
}

pub(super) async fn change(
    State(panel): State<Panel>,
    Extension(passed): Extension<Passed>,
    Form { viewer, form }: Form<PasswordForm>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::ChangePassword, &Resource::user(viewer.session.user))?;
    let asked = ChangePassword {
        old: form.old_password,
        new: form.new_password,
        confirm: form.confirm_password,
    };
    match panel
        .identity()
        .change_password(&permit, &viewer.session, asked)
        .await
    {
        Ok(signed_in) => {
            panel.entrance.signed_in(&passed, signed_in.session.user).await;
            let response = answer::redirect_with("/profile", &Flash::done(EN.password_changed))?;
            answer::with_session(response, &signed_in)
        }
        Err(error) if !error.fields().is_empty() => {
            let forms = ProfileForms {
                password_faults: Faults::new(error.fields()),
                ..ProfileForms::default()
            };
            shown(&viewer, &panel, StatusCode::BAD_REQUEST, (&forms, None)).await
        }
        Err(error) => Err(error.into()),
    }
}
