//! `POST /servers/<id>/remove`: the name typed again, and the password where the last proof is old.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_kit::{FieldFault, SecretString};
use watchroom_model::ServerId;
use watchroom_policy::act;
use watchroom_web::{Params, Problem};

use super::server::{RemovalTyped, shown};
use super::step_up::proven;
use crate::text::EN;
use crate::view::{Faults, Flash, sentence};
use crate::viewer::Form;
use crate::{Panel, answer};

/// What the removal form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemovalForm {
    confirm_name: String,
    password: SecretString,
}

pub(super) async fn remove(
    State(panel): State<Panel>,
    Params(id): Params<ServerId>,
    Form { viewer, form }: Form<RemovalForm>,
) -> Result<Response, Problem> {
    let server = viewer.caller.found(panel.fleet.server(id))?;
    // Who may not even see it learns nothing from this form.
    viewer.caller.permit(act::ShowServer, &*server)?;
    let name = server.spec().name.to_string();
    if form.confirm_name.trim() != name {
        let fault = FieldFault::new("confirm_name", "differs", EN.remove_name_differs);
        let typed = RemovalTyped {
            name: form.confirm_name,
            faults: Faults::new(vec![fault]),
        };
        return shown(&viewer, &panel, &server, StatusCode::BAD_REQUEST, typed).await;
    }
    let asked = (act::RemoveServer, &*server);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            let typed = RemovalTyped {
                name,
                faults: Faults::new(vec![fault]),
            };
            return shown(&viewer, &panel, &server, StatusCode::BAD_REQUEST, typed).await;
        }
    };
    let response = match panel.fleet.remove(&permit).await {
        Ok(()) => answer::redirect_with("/servers", &Flash::done(EN.server_removed(name)))?,
        Err(error) => {
            let why = sentence(&Problem::from(error).detail);
            answer::redirect_with(&format!("/servers/{id}"), &Flash::trouble(why))?
        }
    };
    proof.finish(response)
}
