//! `GET /nodes`, `GET /nodes/<id>`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use watchroom_fleet::Node;
use watchroom_fleet::nodes::join::{JoinError, JoinFilter};
use watchroom_fleet::servers::ServerFilter;
use watchroom_model::{NodeId, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act, permission};
use watchroom_web::{Params, Problem, Query};

use super::overview::every;
use super::{most, no_such_page};
use crate::text::EN;
use crate::view::join::{RequestRow, Revocation, RevocationTyped};
use crate::view::nodes::{NodeLive, NodePage, NodeRow, NodesLive, NodesPage};
use crate::view::{Command, Section, query};
use crate::viewer::Viewer;
use crate::{Panel, answer};

pub(super) async fn list(
    viewer: Viewer,
    State(panel): State<Panel>,
    Query(page): Query<PageRequest>,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListNodes, &Resource::all(ResourceKind::Node))?;
    let found = panel
        .fleet
        .nodes(viewer.caller.principal(), &page)
        .map_err(no_such_page)?;
    let now = viewer.now();
    let principal = viewer.caller.principal();
    let (filter, all) = (JoinFilter::default(), most(None));
    let requests = panel.fleet.join_requests(principal, &filter, &all).await;
    let requests = requests.map_err(JoinError::from)?.items;
    let cluster = panel
        .fleet
        .cluster_status(principal)
        .await
        .map_err(JoinError::from)?;
    let live = NodesLive {
        t: &EN,
        cluster: cluster.into(),
        requests: requests
            .into_iter()
            .map(|request| RequestRow::new(request, now))
            .collect(),
        rows: found
            .items
            .into_iter()
            .map(|node| NodeRow::new(node, now))
            .collect(),
        next: found
            .next_cursor
            .map(|cursor| format!("/nodes{}", query(&[("cursor", &cursor)]))),
    };
    if viewer.wants_fragment {
        return answer::page(&live);
    }
    let shell = viewer.shell(Section::Nodes, EN.nav_nodes);
    let command = Command::new(&["node", "list"], "GET", "/api/nodes", None);
    viewer.page(&NodesPage {
        t: &EN,
        shell,
        may_add: viewer.may(act::RegisterNode, &Resource::all(ResourceKind::JoinToken)),
        live,
        command,
    })
}

pub(super) async fn show(
    viewer: Viewer,
    State(panel): State<Panel>,
    Params(id): Params<NodeId>,
) -> Result<Response, Problem> {
    let node = viewer.caller.found(panel.fleet.node(id))?;
    viewer.caller.permit(act::ShowNode, &*node)?;
    shown(
        &viewer,
        &panel,
        &node,
        StatusCode::OK,
        &RevocationTyped::default(),
    )
}

/// The whole page, with the form that revokes as it was typed.
pub(super) fn shown(
    viewer: &Viewer,
    panel: &Panel,
    node: &Arc<Node>,
    status: StatusCode,
    typed: &RevocationTyped,
) -> Result<Response, Problem> {
    let id = node.id();
    let filter = ServerFilter {
        node: Some(id.to_string()),
        ..ServerFilter::default()
    };
    let servers = viewer
        .reaches(permission::COMPUTE_READ)
        .then(|| every(|page| panel.fleet.servers(viewer.caller.principal(), &filter, page)))
        .transpose()
        .map_err(no_such_page)?;
    let view = panel.fleet.view_node(node);
    let may_revoke = !view.local && viewer.may(act::RevokeNode, &**node);
    let revocation = may_revoke.then(|| Revocation::new(&view, viewer.needs_proof(), typed));
    let name = view.name.to_string();
    let mut live = NodeLive::new(view, servers, viewer.now());
    live.may_create = viewer.may(act::CreateServer, &**node);
    if viewer.wants_fragment {
        return answer::page(&live);
    }
    let command = Command::new(&["node", "show", &name], "GET", &format!("/api/nodes/{id}"), None);
    let shell = viewer.shell(Section::Nodes, name);
    let page = NodePage {
        t: &EN,
        shell,
        live,
        revocation,
        command,
    };
    viewer.page_with(status, &page)
}
