//! Where a grant holds: as forms choose it by name, and in words.

use watchroom_fleet::servers::ServerFilter;
use watchroom_kit::FieldFault;
use watchroom_model::NodeName;
use watchroom_policy::{Scope, act};

use super::overview::every;
use crate::Panel;
use crate::text::EN;
use crate::viewer::Viewer;

/// The scope that a form means. Of things that the viewer may not see it says no more than of those that are not there.
pub(super) fn meant(viewer: &Viewer, panel: &Panel, at: &str, place: &str) -> Result<Scope, FieldFault> {
    let place = place.trim();
    let found = match at {
        "everything" => Some(Scope::Everything),
        "node" => place
            .parse::<NodeName>()
            .ok()
            .and_then(|name| panel.fleet.node_named(&name))
            .filter(|node| viewer.may(act::ShowNode, &**node))
            .map(|node| Scope::Node(node.id())),
        "node-label" => format!("node-label:{place}").parse().ok(),
        "server" => server(viewer, panel, place),
        _ => None,
    };
    found.ok_or_else(|| FieldFault::new("place", "unknown", EN.scope_unknown))
}

/// The server of this name, or id where several are called so.
fn server(viewer: &Viewer, panel: &Panel, place: &str) -> Option<Scope> {
    if let Ok(id) = place.parse() {
        let server = panel.fleet.server(id)?;
        return viewer.may(act::ShowServer, &*server).then_some(Scope::Server(id));
    }
    let filter = ServerFilter {
        name: Some(place.to_owned()),
        ..ServerFilter::default()
    };
    let principal = viewer.caller.principal();
    let seen = every(|page| panel.fleet.servers(principal, &filter, page)).ok()?;
    match seen.as_slice() {
        [only] => Some(Scope::Server(only.id)),
        _ => None,
    }
}

/// Where it holds, by the name that people call the place, if the viewer may know of it.
pub(super) fn words(viewer: &Viewer, panel: &Panel, scope: &Scope) -> String {
    let named = match scope {
        Scope::Everything => Some(EN.roles_everywhere.to_owned()),
        Scope::NodeLabel { key, value } => Some(EN.roles_on_label(key, value)),
        Scope::Node(id) => panel
            .fleet
            .node(*id)
            .filter(|node| viewer.may(act::ShowNode, &**node))
            .map(|node| EN.roles_on_node(node.name())),
        Scope::Server(id) => panel
            .fleet
            .server(*id)
            .filter(|server| viewer.may(act::ShowServer, &**server))
            .map(|server| EN.roles_on_server(&server.spec().name)),
    };
    named.unwrap_or_else(|| scope.to_string())
}
