//! `/api/decisions`: why somebody was refused something.

use axum::extract::State;
use http::Method;
use watchroom_model::DecisionId;
use watchroom_policy::{Reach, act, permission, reach};
use watchroom_records::DecisionView;
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, Params, Problem, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/decisions/{id}",
            act::ExplainDecision,
            RouteClass::Read,
            show,
        )
        .says("See why one was refused something, by the decision id of the refusal")
        .gives::<DecisionView>(),
    ]
}

async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<DecisionId>,
) -> Result<Json<DecisionView>, Problem> {
    let mut found = api.records.decision(id);
    // The log is long: only those who may read it have it looked through.
    if found.is_none() && reach(caller.principal(), permission::AUDIT_READ) == Reach::Everything {
        found = api.records.decision_in_log(id).await?;
    }
    let decision = caller.found(found)?;
    caller.permit(act::ExplainDecision, &decision)?;
    Ok(Json(decision))
}
