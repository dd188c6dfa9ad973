//! Handing over what is held about a person, and erasing it, from the page of people.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde::Deserialize;
use watchroom_identity::{ChangeUserError, EraseError};
use watchroom_kit::{Fault, SecretString};
use watchroom_model::UserId;
use watchroom_policy::{Resource, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Json, Params, Problem, Route};

use super::people::PAGE;
use super::step_up::{ProofForm, proven, with_proof};
use crate::text::EN;
use crate::view::{Flash, sentence};
use crate::viewer::Form;
use crate::{Panel, answer};

/// What the form sends that erases somebody.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EraseForm {
    confirm: String,
    password: SecretString,
}

/// What is done about all that is held of a person.
pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::POST,
            "/access/people/{id}/export",
            act::ExportUser,
            administration,
            export,
        ),
        Route::new(
            Method::POST,
            "/access/people/{id}/erase",
            act::EraseUser,
            administration,
            erase,
        ),
    ]
}

async fn export(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let on = Resource::user(id);
    let asked = (act::ExportUser, &on);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return answer::redirect_with(PAGE, &Flash::trouble(sentence(&fault.message))),
    };
    match panel.identity().export_user(&permit).await {
        Ok(held) => {
            let mut response = Json(held).into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let name = HeaderValue::from_static("attachment; filename=\"person.json\"");
            headers.insert(CONTENT_DISPOSITION, name);
            proof.finish(response)
        }
        Err(error @ EraseError::Account(ChangeUserError::Store(_))) => Err(error.into()),
        Err(error) => {
            let flash = Flash::trouble(sentence(&error.public()));
            proof.finish(answer::redirect_with(PAGE, &flash)?)
        }
    }
}

async fn erase(
    State(panel): State<Panel>,
    Params(id): Params<UserId>,
    Form { viewer, form }: Form<EraseForm>,
) -> Result<Response, Problem> {
    let on = Resource::user(id);
    let (asked, sent) = ((act::EraseUser, &on), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        match panel.identity().erase_user(&permit, &form.confirm).await {
            Ok(_) => Ok(Flash::done(EN.person_erased)),
            Err(error @ EraseError::Account(ChangeUserError::Store(_))) => Err(error.into()),
            Err(error) => Ok(Flash::trouble(sentence(&error.public()))),
        }
    })
    .await
}
