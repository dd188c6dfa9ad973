//! `/settings/mail`: how letters leave, and a test.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_kit::{Fault, FieldFault};
use watchroom_model::EmailAddress;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::Problem;

use crate::text::EN;
use crate::view::mail::MailPage;
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

const PAGE: &str = "/settings/mail";

/// What the form for a test sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TestForm {
    to: String,
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ShowMail, &Resource::all(ResourceKind::Host))?;
    page(&viewer, &panel, StatusCode::OK, ("", &Faults::default())).await
}

async fn page(
    viewer: &Viewer,
    panel: &Panel,
    status: StatusCode,
    typed: (&str, &Faults),
) -> Result<Response, Problem> {
    let state = panel.mail.state().await?;
    let may_test = viewer.may(act::TestMail, &Resource::all(ResourceKind::Host));
    let shell = viewer.shell(Section::Settings, EN.mail);
    viewer.page_with(status, &MailPage::new(shell, state, may_test, typed))
}

pub(super) async fn test(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<TestForm>,
) -> Result<Response, Problem> {
    let permit = viewer
        .caller
        .permit(act::TestMail, &Resource::all(ResourceKind::Host))?;
    let to = form.to.trim();
    let address = match to.parse::<EmailAddress>() {
        Ok(address) => address,
        Err(error) => {
            let faults = Faults::new(vec![FieldFault::new("to", error.code, error.rule)]);
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, (to, &faults)).await;
        }
    };
    let flash = match panel.mail.test(&permit, &address).await {
        Ok(()) => Flash::done(EN.mail_test_done(address)),
        Err(error) => Flash::trouble(sentence(&error.public())),
    };
    answer::redirect_with(PAGE, &flash)
}
