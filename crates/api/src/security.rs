//! `/api/security`: what the edge saw.

use axum::extract::State;
use http::Method;
use watchroom_model::{Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_records::FindingView;
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, Problem, Query, Route};

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
    ]
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
