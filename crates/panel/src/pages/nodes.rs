//! `GET /nodes`, `GET /nodes/<id>`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use watchroom_fleet::nodes::join::{JoinError, JoinFilter, JoinTokenView};
use watchroom_fleet::servers::ServerFilter;
use watchroom_fleet::{Node, NodeView, ServerView};
use watchroom_model::{NodeId, NodeStatus, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act, permission};
use watchroom_web::{Params, Problem, Query};

use super::overview::every;
use super::{most, no_such_page};
use crate::text::EN;
use crate::view::cluster_ca::{CaCard, RotationForm};
use crate::view::join::{InviteRow, RequestRow, Revocation, RevocationTyped};
use crate::view::machine::{LastHour, OperationCard};
use crate::view::nodes::{NodeLive, NodePage, NodeRow, NodesLive, NodesPage};
use crate::view::{Command, Faults, Section, query};
use crate::viewer::Viewer;
use crate::{Panel, answer};

/// How long an operation stands on its node's page.
const SHOWN_FOR: Duration = Duration::from_secs(3_600);

pub(super) async fn list(
    viewer: Viewer,
    State(panel): State<Panel>,
    Query(page): Query<PageRequest>,
) -> Result<Response, Problem> {
    listed(&viewer, &panel, &page, StatusCode::OK, &Faults::default()).await
}

/// The list, with what was wrong with the form that changes the cluster CA.
pub(super) async fn listed(
    viewer: &Viewer,
    panel: &Panel,
    page: &PageRequest,
    status: StatusCode,
    faults: &Faults,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListNodes, &Resource::all(ResourceKind::Node))?;
    let live = live(viewer, panel, page).await?;
    if viewer.wants_fragment {
        return answer::page(&live);
    }
    let shell = viewer.shell(Section::Nodes, EN.nav_nodes);
    let (principal, all) = (viewer.caller.principal(), most(None));
    let may_invite = viewer.may(act::ListJoinTokens, &Resource::all(ResourceKind::JoinToken));
    let invites = match may_invite {
        true => panel.fleet.join_tokens(principal, &all).await?.items,
        false => Vec::new(),
    };
    let maker = |token: &JoinTokenView| {
        let user = token
            .created_by
            .parse()
            .ok()
            .and_then(|id| panel.identity().name_of(id));
        user.map_or_else(|| token.created_by.clone(), |name| name.to_string())
    };
    let command = Command::new(&["node", "list"], "GET", "/api/nodes", None);
    let may_rotate = viewer.may(act::RotateCa, &Resource::all(ResourceKind::Host));
    let page = NodesPage {
        t: &EN,
        shell,
        rotation: may_rotate.then(|| RotationForm::new(viewer.needs_proof(), faults)),
        may_add: viewer.may(act::RegisterNode, &Resource::all(ResourceKind::JoinToken)),
        invites: invites
            .into_iter()
            .map(|token| {
                let by = maker(&token);
                InviteRow::new(token, by)
            })
            .collect(),
        live,
        command,
    };
    viewer.page_with(status, &page)
}

/// The part of the list that is fetched again and again.
async fn live(viewer: &Viewer, panel: &Panel, page: &PageRequest) -> Result<NodesLive, Problem> {
    let found = panel
        .fleet
        .nodes(viewer.caller.principal(), page)
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
    Ok(NodesLive {
        t: &EN,
        from: match &page.cursor {
            Some(cursor) => format!("/nodes{}", query(&[("cursor", cursor)])),
            None => "/nodes".to_owned(),
        },
        ca: CaCard::from(&cluster.ca),
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
        may_power: viewer.reaches(permission::NODES_MODIFY),
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
    .await
}

/// The whole page, with a form as it was typed.
pub(super) async fn shown(
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
    if viewer.wants("last-hour") {
        return answer::page(&last_hour(viewer, panel, node).await?);
    }
    let view = panel.fleet.view_node(node);
    let dangers = dangers(viewer, node, &view, servers.as_deref(), typed);
    let name = view.name.to_string();
    let mut live = NodeLive::new(view, servers, viewer.now());
    live.may_create = viewer.may(act::CreateServer, &**node);
    let recently = viewer.now() - SHOWN_FOR;
    live.operation = panel.fleet.last_operation(id, recently).await?.map(|operation| {
        let may_cancel = viewer.may(act::CancelOperation, &**node);
        OperationCard::new(operation, may_cancel, viewer.now())
    });
    live.csrf = viewer.csrf();
    if viewer.wants_fragment {
        return answer::page(&live);
    }
    let hour = last_hour(viewer, panel, node).await?;
    let command = Command::new(&["node", "show", &name], "GET", &format!("/api/nodes/{id}"), None);
    let shell = viewer.shell(Section::Nodes, name);
    let page = NodePage {
        t: &EN,
        shell,
        live,
        dangers,
        hour: Some(hour),
        command,
    };
    viewer.page_with(status, &page)
}

async fn last_hour(viewer: &Viewer, panel: &Panel, node: &Arc<Node>) -> Result<LastHour, Problem> {
    let permit = viewer.caller.permit(act::ReadMetrics, &**node)?;
    let metrics = panel.fleet.metrics(&permit, None).await?;
    Ok(LastHour::new(node.id(), &metrics, viewer.now()))
}

/// What this person may do to the node that cannot be taken back.
fn dangers(
    viewer: &Viewer,
    node: &Node,
    view: &NodeView,
    servers: Option<&[ServerView]>,
    typed: &RevocationTyped,
) -> Vec<Revocation> {
    let running = servers
        .unwrap_or_default()
        .iter()
        .filter(|server| server.pid.is_some());
    let running: Vec<_> = running.map(|server| server.name.to_string()).collect();
    let needs_proof = viewer.needs_proof();
    let may_power = node.admitted().is_ok() && viewer.may(act::RestartNode, node);
    let power = may_power.then(|| Revocation::power(&running, needs_proof, typed));
    let may_revoke = !view.local && viewer.may(act::RevokeNode, node);
    let revocation = may_revoke.then(|| Revocation::new(view, needs_proof, typed));
    let may_unfence = view.status == NodeStatus::Locked && viewer.may(act::UnfenceNode, node);
    let unfence = may_unfence.then(|| Revocation::unfence(needs_proof, typed));
    unfence
        .into_iter()
        .chain(power.into_iter().flatten())
        .chain(revocation)
        .collect()
}
