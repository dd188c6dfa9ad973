//! `/api/operations`: long work, to be followed and called off.

use axum::extract::State;
use http::Method;
use watchroom_fleet::OperationView;
use watchroom_model::OperationId;
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, Params, Problem, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/operations/{id}",
            act::ShowOperation,
            RouteClass::Read,
            show,
        )
        .says("Show how an operation goes; it is kept for 30 days")
        .gives::<OperationView>(),
        Route::new(
            Method::POST,
            "/api/operations/{id}/cancel",
            act::CancelOperation,
            RouteClass::Change,
            cancel,
        )
        .says("Call an operation off, as long as that can be done")
        .gives::<OperationView>(),
    ]
}

async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<OperationId>,
) -> Result<Json<OperationView>, Problem> {
    let operation = caller.found(api.fleet.operation(id).await?)?;
    let node = caller.found(api.fleet.node(operation.node_id))?;
    caller.permit(act::ShowOperation, &*node)?;
    Ok(Json(operation))
}

async fn cancel(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<OperationId>,
) -> Result<Json<OperationView>, Problem> {
    let operation = caller.found(api.fleet.operation(id).await?)?;
    let node = caller.found(api.fleet.node(operation.node_id))?;
    let permit = caller.permit(act::CancelOperation, &*node)?;
    Ok(Json(api.fleet.call_off(&permit, id).await?))
}
