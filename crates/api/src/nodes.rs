//! `/api/nodes`: the machines.

mod metrics;
mod power;

use axum::extract::State;
use http::Method;
use watchroom_fleet::nodes::MetricsView;
use watchroom_fleet::{NodeView, OperationView, Written};
use watchroom_model::{NodeId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Json, Params, Problem, Query, Route};

use crate::{Api, invalid_page};

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/nodes", act::ListNodes, RouteClass::Read, list)
            .says("List nodes")
            .at_most(100, "nodes")
            .asks::<PageRequest>()
            .gives_page::<NodeView>(),
        Route::new(
            Method::GET,
            "/api/nodes/{id}",
            act::ShowNode,
            RouteClass::Read,
            show,
        )
        .says("Show a node")
        .gives::<NodeView>(),
        Route::new(
            Method::GET,
            "/api/nodes/{id}/metrics",
            act::ReadMetrics,
            RouteClass::Read,
            metrics::metrics,
        )
        .says("What a machine did in the last hour, a look each five seconds; or what was known last, with its age")
        .asks::<metrics::Since>()
        .gives::<MetricsView>(),
        Route::new(
            Method::POST,
            "/api/nodes/{id}/restart",
            act::RestartNode,
            RouteClass::Sensitive,
            power::restart,
        )
        .says("Restart a machine; its servers are stopped in order and run again after")
        .takes::<power::Confirmed>()
        .gives::<OperationView>()
        .with_status(202),
        Route::new(
            Method::POST,
            "/api/nodes/{id}/shutdown",
            act::ShutDownNode,
            RouteClass::Sensitive,
            power::shut_down,
        )
        .says("Shut a machine down; somebody must switch it on again")
        .takes::<power::Confirmed>()
        .gives::<OperationView>()
        .with_status(202),
    ]
}

pub(crate) async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<Written>>, Problem> {
    caller.permit(act::ListNodes, &Resource::all(ResourceKind::Node))?;
    let nodes = api.fleet.nodes_written(caller.principal(), &page);
    Ok(Json(nodes.map_err(invalid_page)?))
}

async fn show(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<NodeId>,
) -> Result<Json<NodeView>, Problem> {
    let node = caller.found(api.fleet.node(id))?;
    caller.permit(act::ShowNode, &*node)?;
    Ok(Json(api.fleet.view_node(&node)))
}
