//! `GET /`: the room at a glance.

use axum::extract::State;
use axum::response::Response;
use watchroom_fleet::nodes::join::{JoinError, JoinFilter, JoinRequestView};
use watchroom_fleet::servers::ServerFilter;
use watchroom_fleet::{NodeView, ServerView};
use watchroom_model::{Page, PageError, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act, permission};
use watchroom_web::Problem;

use super::audit::row;
use super::{most, no_such_page};
use crate::text::EN;
use crate::view::audit::AuditRow;
use crate::view::deed::Ending;
use crate::view::overview::{OverviewLive, OverviewPage};
use crate::view::{Command, Section};
use crate::viewer::Viewer;
use crate::{Panel, answer};

/// How many entries of the log book the overview shows.
const RECENT: usize = 8;
/// How many are read for that: an intent whose outcome is there too is left out.
const READ: u32 = 24;

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::SeeSelf, &Resource::all(ResourceKind::User))?;
    let mut live = glance(&viewer, &panel).map_err(no_such_page)?;
    live.await_decisions(&waiting(&viewer, &panel).await?);
    live.recent = recent(&viewer, &panel).await?;
    if viewer.wants_fragment {
        return answer::page(&live);
    }
    let shell = viewer.shell(Section::Overview, EN.overview_title);
    let command = Command::new(&["node", "list"], "GET", "/api/nodes", None);
    viewer.page(&OverviewPage {
        t: &EN,
        shell,
        live,
        command,
    })
}

fn glance(viewer: &Viewer, panel: &Panel) -> Result<OverviewLive, PageError> {
    let principal = viewer.caller.principal();
    let nodes: Option<Vec<NodeView>> = viewer
        .reaches(permission::NODES_READ)
        .then(|| every(|page| panel.fleet.nodes(principal, page)))
        .transpose()?;
    let servers: Option<Vec<ServerView>> = viewer
        .reaches(permission::COMPUTE_READ)
        .then(|| every(|page| panel.fleet.servers(principal, &ServerFilter::default(), page)))
        .transpose()?;
    let may_create =
        viewer.reaches(permission::COMPUTE_CREATE) && viewer.reaches(permission::COMPUTE_COMMAND);
    Ok(OverviewLive::new(
        nodes.as_deref(),
        servers.as_deref(),
        may_create,
        viewer.now(),
    ))
}

/// Machines that wait to be let in, for those who may see them.
async fn waiting(viewer: &Viewer, panel: &Panel) -> Result<Vec<JoinRequestView>, Problem> {
    if !viewer.reaches(permission::NODES_READ) {
        return Ok(Vec::new());
    }
    let (filter, all) = (JoinFilter::default(), most(None));
    let found = panel
        .fleet
        .join_requests(viewer.caller.principal(), &filter, &all);
    Ok(found.await.map_err(JoinError::from)?.items)
}

/// All pages of a list that is held in memory anyway.
pub(super) fn every<T>(
    list: impl Fn(&PageRequest) -> Result<Page<T>, PageError>,
) -> Result<Vec<T>, PageError> {
    let mut page = list(&most(None))?;
    let mut all = std::mem::take(&mut page.items);
    while let Some(cursor) = page.next_cursor {
        page = list(&most(Some(cursor)))?;
        all.append(&mut page.items);
    }
    Ok(all)
}

async fn recent(viewer: &Viewer, panel: &Panel) -> Result<Option<Vec<AuditRow>>, Problem> {
    let log = Resource::all(ResourceKind::Audit);
    if !viewer.may(act::ReadAudit, &log) {
        return Ok(None);
    }
    let permit = viewer.caller.permit(act::ReadAudit, &log)?;
    let page = PageRequest {
        limit: Some(READ),
        cursor: None,
    };
    let found = panel.records.recent(&permit, &page).await?;
    let rows = found.items.into_iter().map(|entry| row(viewer, panel, entry));
    Ok(Some(without_answered(rows).take(RECENT).collect()))
}

/// The rows, newest first, without the intents of which the outcome has been shown.
fn without_answered(rows: impl Iterator<Item = AuditRow>) -> impl Iterator<Item = AuditRow> {
    let mut answered = Vec::new();
    rows.filter(move |row| {
        let deed = &row.deed;
        let on = deed.on.as_ref().map(|on| on.exact.clone());
        let act = (deed.who.exact.clone(), deed.action.clone(), on);
        if deed.ending != Ending::Asked {
            answered.push(act);
            return true;
        }
        let outcome = answered.iter().position(|other| *other == act);
        outcome.map(|place| answered.swap_remove(place)).is_none()
    })
}
