//! Handing over what is held about a person, and erasing it, from the page of people.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde::Deserialize;
use watchroom_identity::EraseError;
use watchroom_kit::{Fault, SecretString};
use watchroom_model::UserId;
use watchroom_policy::{Resource, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Json, Params, Problem, Route};

use super::people::{PAGE, ProofForm};
use super::step_up::prove;
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
    if !viewer.may(act::ExportUser, &on) {
        viewer.caller.permit(act::ExportUser, &on)?;
    }
    let proof = match prove(&viewer, &panel, form.password).await? {
        Ok(proof) => proof,
        Err(fault) => return answer::redirect_with(PAGE, &Flash::trouble(sentence(&fault.message))),
    };
    let permit = viewer.permit_as(proof.principal(&viewer), act::ExportUser, &on)?;
    match panel.identity().export_user(&permit).await {
        Ok(held) => {
            let mut response = Json(held).into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let name = HeaderValue::from_static("attachment; filename=\"person.json\"");
            headers.insert(CONTENT_DISPOSITION, name);
            proof.finish(response)
        }
        Err(error @ EraseError::Store(_)) => Err(error.into()),
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
    if !viewer.may(act::EraseUser, &on) {
        viewer.caller.permit(act::EraseUser, &on)?;
    }
    let proof = match prove(&viewer, &panel, form.password).await? {
        Ok(proof) => proof,
        Err(fault) => return answer::redirect_with(PAGE, &Flash::trouble(sentence(&fault.message))),
    };
    let permit = viewer.permit_as(proof.principal(&viewer), act::EraseUser, &on)?;
    let flash = match panel.identity().erase_user(&permit, &form.confirm).await {
        Ok(_) => Flash::done(EN.person_erased),
        Err(error @ EraseError::Store(_)) => return Err(error.into()),
        Err(error) => Flash::trouble(sentence(&error.public())),
    };
    proof.finish(answer::redirect_with(PAGE, &flash)?)
}
