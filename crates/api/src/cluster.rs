//! `/api/cluster`: the cluster as programs see it: how machines join, its nodes, and the servers on them.

mod requests;
mod roll;
mod status;
mod tokens;

mod ca;
mod heartbeat;
mod unfence;

use std::sync::Arc;

use axum::extract::State;
use http::{Method, StatusCode};
use watchroom_fleet::nodes::CaRotation;
use watchroom_fleet::servers::{NewServer, ServerFilter};
use watchroom_fleet::{Acted, NodeView, Server, ServerView};
use watchroom_model::{Heartbeat, NodeId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, IdempotencyHeader, Json, Params, Problem, Query, Route};

use crate::servers::{create_on, idempotency, remove_one};
use crate::{Api, invalid_page, nodes};

const SERVERS: &str = "/api/cluster/subhost/{id}/servers";

pub use status::{CertificateFacts, HostFacts, RoleFacts};

pub(crate) fn routes() -> Vec<Route<Api>> {
    let parts = [
        requests::routes(),
        tokens::routes(),
        roll::routes(),
        status::routes(),
        of_keys(),
        of_nodes(),
    ];
    parts.into_iter().flatten().collect()
}

fn of_nodes() -> Vec<Route<Api>> {
    let (read, change) = (RouteClass::Read, RouteClass::Change);
    vec![
        Route::new(
            Method::GET,
            "/api/cluster/nodes",
            act::ListNodes,
            read,
            nodes::list,
        )
        .says("List nodes with their state")
        .asks::<PageRequest>()
        .gives_page::<NodeView>(),
        Route::new(
            Method::GET,
            "/api/cluster/subhosts",
            act::ListNodes,
            read,
            nodes::list,
        )
        .says("List nodes with live state and server counts")
        .asks::<PageRequest>()
        .gives_page::<NodeView>(),
        Route::new(Method::GET, SERVERS, act::ListServers, read, list)
            .says("List the servers on a node")
            .asks::<PageRequest>()
            .gives_page::<ServerView>(),
        Route::new(Method::POST, SERVERS, act::CreateServer, change, create)
            .says("Create a server on a node")
            .takes::<NewServer>()
            .free_text(&["command", "env", "labels", "stop"])
            .gives::<Acted>()
            .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/cluster/subhost/{id}/servers/{name}",
            act::RemoveServer,
            change,
            remove,
        )
        .says("Remove a server from a node")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/cluster/subhost/{id}/servers/{name}/start",
            act::StartServer,
            change,
            start,
        )
        .says("Start a server on a node")
        .gives::<Acted>(),
        Route::new(
            Method::POST,
            "/api/cluster/subhost/{id}/servers/{name}/stop",
            act::StopServer,
            change,
            stop,
        )
        .says("Stop a server on a node")
        .gives::<Acted>(),
        Route::new(
            Method::POST,
            "/api/cluster/subhost/{id}/servers/{name}/restart",
            act::RestartServer,
            change,
            restart,
        )
        .says("Restart a server on a node")
        .gives::<Acted>(),
    ]
}

fn of_keys() -> Vec<Route<Api>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(
            Method::POST,
            "/api/cluster/nodes/{id}/unfence",
            act::UnfenceNode,
            administration,
            unfence::unfence,
        )
        .says("Let a fenced node back in")
        .gives::<NodeView>(),
        Route::new(
            Method::POST,
            "/api/cluster/heartbeat",
            act::SendHeartbeat,
            RouteClass::Node,
            heartbeat::heartbeat,
        )
        .says("Say that a node is there, by its certificate, or by its token and its key's signature in X-Node-Credential")
        .takes::<Heartbeat>()
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/cluster/ca/rotate",
            act::RotateCa,
            administration,
            ca::rotate,
        )
        .says("Make a new cluster CA, which every node moves to")
        .gives::<CaRotation>(),
    ]
}

type Named = Params<(NodeId, String)>;

fn named(caller: &Caller, api: &Api, (node, name): &(NodeId, String)) -> Result<Arc<Server>, Problem> {
    caller.found(api.fleet.server_named(*node, name))
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Params(node): Params<NodeId>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<ServerView>>, Problem> {
    caller.permit(act::ListServers, &Resource::all(ResourceKind::Server))?;
    let node = caller.found(api.fleet.find_node(caller.principal(), &node.to_string()))?;
    let filter = ServerFilter {
        node: Some(node.id().to_string()),
        ..ServerFilter::default()
    };
    Ok(Json(
        api.fleet
            .servers(caller.principal(), &filter, &page)
            .map_err(invalid_page)?,
    ))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    Params(node): Params<NodeId>,
    key: IdempotencyHeader,
    mut body: Body<NewServer>,
) -> Result<(StatusCode, Json<Acted>), Problem> {
    body.value.node = Some(node.to_string());
    create_on(caller, api, key, body).await
}

async fn remove(caller: Caller, State(api): State<Api>, Params(which): Named) -> Result<StatusCode, Problem> {
    let server = named(&caller, &api, &which)?;
    remove_one(&caller, &api, &server).await
}

async fn start(
    caller: Caller,
    State(api): State<Api>,
    Params(which): Named,
    key: IdempotencyHeader,
) -> Result<Json<Acted>, Problem> {
    let server = named(&caller, &api, &which)?;
    let permit = caller.permit(act::StartServer, &*server)?;
    let key = idempotency(&caller, key, &format!("start {}", server.id()), b"")?;
    Ok(Json(api.fleet.start(&permit, key).await?))
}

async fn stop(
    caller: Caller,
    State(api): State<Api>,
    Params(which): Named,
    key: IdempotencyHeader,
) -> Result<Json<Acted>, Problem> {
    let server = named(&caller, &api, &which)?;
    let permit = caller.permit(act::StopServer, &*server)?;
    let key = idempotency(&caller, key, &format!("stop {}", server.id()), b"")?;
    Ok(Json(api.fleet.stop(&permit, key).await?))
}

async fn restart(
    caller: Caller,
    State(api): State<Api>,
    Params(which): Named,
    key: IdempotencyHeader,
) -> Result<Json<Acted>, Problem> {
    let server = named(&caller, &api, &which)?;
    let permit = caller.permit(act::RestartServer, &*server)?;
    let key = idempotency(&caller, key, &format!("restart {}", server.id()), b"")?;
    Ok(Json(api.fleet.restart(&permit, key).await?))
}
