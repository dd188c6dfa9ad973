//! `GET /servers`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use watchroom_fleet::ServerView;
use watchroom_fleet::servers::ServerFilter;
use watchroom_model::PageRequest;
use watchroom_policy::{Resource, ResourceKind, act, permission, reach};
use watchroom_web::{Problem, Query};

use super::no_such_page;
use super::overview::every;
use crate::text::EN;
use crate::view::servers::{ServerRow, ServersLive, ServersPage, status_choice};
use crate::view::{Choice, Command, Field, Section, query};
use crate::viewer::Viewer;
use crate::{Panel, answer};

/// The filters, as the form sends them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sought {
    name: String,
    node: String,
    status: String,
    cursor: String,
}

impl Sought {
    /// As the fleet wants it. A state that is none finds nothing, as a name that is none does.
    fn filter(&self) -> Option<ServerFilter> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let status = match self.status.as_str() {
            "" => None,
            word => Some(serde_json::from_value(word.into()).ok()?),
        };
        Some(ServerFilter {
            node: given(&self.node),
            name: given(self.name.trim()),
            status,
        })
    }

    fn is_set(&self) -> bool {
        !(self.name.is_empty() && self.node.is_empty() && self.status.is_empty())
    }

    fn on_from(&self, cursor: &str) -> String {
        let given = [
            ("name", self.name.as_str()),
            ("node", &self.node),
            ("status", &self.status),
            ("cursor", cursor),
        ];
        format!("/servers{}", query(&given))
    }
}

pub(super) async fn list(
    viewer: Viewer,
    State(panel): State<Panel>,
    Query(sought): Query<Sought>,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListServers, &Resource::all(ResourceKind::Server))?;
    let live = live(&viewer, &panel, &sought)?;
    if viewer.wants_fragment {
        return answer::page(&live);
    }
    let principal = viewer.caller.principal();
    let mut nodes = vec![(String::new(), EN.any.to_owned())];
    let known = every(|page| panel.fleet.nodes(principal, page)).map_err(no_such_page)?;
    nodes.extend(
        known
            .into_iter()
            .map(|node| (node.id.to_string(), node.name.to_string())),
    );
    viewer.page(&ServersPage {
        t: &EN,
        shell: viewer.shell(Section::Servers, EN.nav_servers),
        name: Field::text("name", EN.name).value(sought.name.as_str()),
        node: Choice::new("node", EN.node, nodes, sought.node.as_str()),
        status: status_choice(&sought.status),
        live,
        command: Command::new(&["server", "list"], "GET", "/api/servers", None),
    })
}

fn live(viewer: &Viewer, panel: &Panel, sought: &Sought) -> Result<ServersLive, Problem> {
    let principal = viewer.caller.principal();
    let cursor = (!sought.cursor.is_empty()).then(|| sought.cursor.clone());
    let page = PageRequest { limit: None, cursor };
    let found = sought
        .filter()
        .map(|filter| panel.fleet.servers(principal, &filter, &page))
        .transpose();
    let found = found.map_err(no_such_page)?;
    let next = found
        .as_ref()
        .and_then(|page| page.next_cursor.as_deref())
        .map(|cursor| sought.on_from(cursor));
    let controlled = reach(principal, permission::COMPUTE_CONTROL);
    let row = |server: ServerView| {
        let may_control = panel
            .fleet
            .server(server.id)
            .is_some_and(|one| controlled.covers(&*one));
        ServerRow::new(server, viewer.now()).controlled(may_control)
    };
    Ok(ServersLive {
        t: &EN,
        csrf: viewer.csrf(),
        rows: found
            .map(|page| page.items)
            .unwrap_or_default()
            .into_iter()
            .map(row)
            .collect(),
        next,
        is_filtered: sought.is_set(),
        may_create: viewer.reaches(permission::COMPUTE_CREATE) && viewer.reaches(permission::COMPUTE_COMMAND),
    })
}
