//! `POST /cluster/ca/rotate`: a new cluster CA.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use watchroom_fleet::Outcome;
use watchroom_model::PageRequest;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::Problem;

use super::nodes::listed;
use super::step_up::{ProofForm, proven};
use crate::text::EN;
use crate::view::{Faults, Flash, sentence};
use crate::viewer::Form;
use crate::{Panel, answer};

pub(super) async fn rotate(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let house = Resource::all(ResourceKind::Host);
    let asked = (act::RotateCa, &house);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            let (page, faults) = (PageRequest::default(), Faults::new(vec![fault]));
            return listed(&viewer, &panel, &page, StatusCode::BAD_REQUEST, &faults).await;
        }
    };
    let flash = match panel.fleet.rotate_ca(&permit).await {
        Ok(rotation) if rotation.outcome == Outcome::Done => Flash::done(EN.ca_rotated),
        Ok(_) => Flash::done(EN.ca_rotates_already),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    proof.finish(answer::redirect_with("/nodes", &flash)?)
}
