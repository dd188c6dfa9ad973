//! `POST /cluster/ca/rotate`: a new cluster CA.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_fleet::Outcome;
use watchroom_kit::SecretString;
use watchroom_model::PageRequest;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::Problem;

use super::nodes::listed;
use super::step_up::prove;
use crate::text::EN;
use crate::view::{Faults, Flash, sentence};
use crate::viewer::Form;
use crate::{Panel, answer};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RotationForm {
    password: SecretString,
}

pub(super) async fn rotate(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<RotationForm>,
) -> Result<Response, Problem> {
    let house = Resource::all(ResourceKind::Host);
    if !viewer.may(act::RotateCa, &house) {
        // Refused before the session gets a new cookie, which a refusal could not carry.
        viewer.caller.permit(act::RotateCa, &house)?;
    }
    let proof = match prove(&viewer, &panel, form.password).await? {
        Ok(proof) => proof,
        Err(fault) => {
            let (page, faults) = (PageRequest::default(), Faults::new(vec![fault]));
            return listed(&viewer, &panel, &page, StatusCode::BAD_REQUEST, &faults).await;
        }
    };
    let permit = viewer.permit_as(proof.principal(&viewer), act::RotateCa, &house)?;
    let flash = match panel.fleet.rotate_ca(&permit).await {
        Ok(rotation) if rotation.outcome == Outcome::Done => Flash::done(EN.ca_rotated),
        Ok(_) => Flash::done(EN.ca_rotates_already),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    proof.finish(answer::redirect_with("/nodes", &flash)?)
}
