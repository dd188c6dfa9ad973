//! `/security/fail2ban`: whom this machine's fail2ban keeps out.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use watchroom_fleet::Outcome;
use watchroom_kit::{Fault, SecretString};
use watchroom_model::JailedAddress;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::Problem;

use super::step_up::with_proof;
use crate::text::EN;
use crate::view::fail2ban::Fail2banPage;
use crate::view::{Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

const HERE: &str = "/security/fail2ban";

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LiftForm {
    address: String,
    password: SecretString,
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    let host = Resource::all(ResourceKind::Host);
    let permit = viewer.caller.permit(act::ListJail, &host)?;
    // What a machine does not allow, or does not have, is no fault of the page.
    let jail = panel
        .fleet
        .jail(&permit)
        .await
        .map_err(|error| sentence(&error.public()));
    let shell = viewer.shell(Section::Security, EN.fail2ban);
    let may = (viewer.may(act::LiftJailed, &host), viewer.needs_proof());
    viewer.page(&Fail2banPage::new(shell, jail, may))
}

pub(super) async fn lift(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<LiftForm>,
) -> Result<Response, Problem> {
    let host = Resource::all(ResourceKind::Host);
    viewer.admit(act::LiftJailed, &host)?;
    let address: JailedAddress = match form.address.parse() {
        Ok(address) => address,
        Err(error) => return answer::redirect_with(HERE, &Flash::trouble(sentence(&error.to_string()))),
    };
    let (asked, sent) = ((act::LiftJailed, &host), (form.password, HERE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let unjailed = panel.fleet.unjail(&permit, address).await;
        Ok(Flash::told(unjailed.map(|unjailed| match unjailed.outcome {
            Outcome::Done => EN.fail2ban_lifted(address),
            Outcome::AlreadySo => EN.fail2ban_out(address),
        })))
    })
    .await
}
