//! `/api/settings/mail`: how letters leave, and whether they arrive.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_mail::MailView;
use watchroom_model::EmailAddress;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Problem, Route};

use crate::Api;

/// To whom a test goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailTest {
    /// The address.
    to: EmailAddress,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/settings/mail",
            act::ShowMail,
            RouteClass::Read,
            show,
        )
        .says("How mail leaves, and what waits")
        .gives::<MailView>(),
        Route::new(
            Method::POST,
            "/api/settings/mail/test",
            act::TestMail,
            RouteClass::Administration,
            test,
        )
        .says("Send a letter at once, to see whether mail arrives")
        .takes::<MailTest>()
        .with_status(204),
    ]
}

async fn show(caller: Caller, State(api): State<Api>) -> Result<Json<MailView>, Problem> {
    caller.permit(act::ShowMail, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.mail.state().await?))
}

async fn test(caller: Caller, State(api): State<Api>, body: Body<MailTest>) -> Result<StatusCode, Problem> {
    let permit = caller.permit(act::TestMail, &Resource::all(ResourceKind::Host))?;
    api.mail.test(&permit, &body.value.to).await?;
    Ok(StatusCode::NO_CONTENT)
}
