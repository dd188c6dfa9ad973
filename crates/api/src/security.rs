//! `/api/security`: what the edge saw.

use axum::extract::State;
use http::Method;
use watchroom_model::{Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_records::FindingView;
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Check, Json, Problem, Query, Route};

use crate::{Api, invalid_page};

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/security/findings",
            act::ReadAudit,
            RouteClass::Read,
            findings,
        )
        .says("List input that looked like an attack, newest first; leaves an entry")
        .asks::<PageRequest>()
        .gives_page::<FindingView>(),
        Route::new(
            Method::GET,
            "/api/security/doctor",
            act::ExamineHost,
            RouteClass::Sensitive,
            doctor,
        )
        .says("Look over this Host against the hardening list")
        .gives_page::<Check>(),
    ]
}

async fn doctor(caller: Caller, State(api): State<Api>) -> Result<Json<Page<Check>>, Problem> {
    caller.permit(act::ExamineHost, &Resource::all(ResourceKind::Host))?;
    Ok(Json(Page {
        items: api.doctor.examine().await,
        next_cursor: None,
    }))
}

async fn findings(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<FindingView>>, Problem> {
    let permit = caller.permit(act::ReadAudit, &Resource::all(ResourceKind::Audit))?;
    page.limit().map_err(invalid_page)?;
    Ok(Json(api.records.findings(&permit, &page).await?))
}
