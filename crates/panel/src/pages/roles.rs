//! `/access/roles`: what roles give, and who holds which.

use axum::extract::State;
use axum::response::Response;
use http::Method;
use watchroom_identity::{GrantFilter, GrantListed};
use watchroom_policy::{Resource, ResourceKind, Scope, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Problem, Route};

use super::most;
use crate::Panel;
use crate::text::EN;
use crate::view::Section;
use crate::view::roles::{GrantRow, RolesPage};
use crate::viewer::Viewer;

pub(super) fn routes() -> Vec<Route<Panel>> {
    vec![Route::new(
        Method::GET,
        "/access/roles",
        act::ListRoles,
        RouteClass::Page,
        show,
    )]
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    let (mut grants, mut cursor) = (Vec::new(), None);
    loop {
        let found = panel
            .identity()
            .grants(&GrantFilter::default(), &most(cursor))
            .await?;
        grants.extend(
            found
                .items
                .iter()
                .map(|grant| GrantRow::new(grant, place(&viewer, &panel, grant))),
        );
        match found.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let shell = viewer.shell(Section::People, EN.roles);
    viewer.page(&RolesPage::new(shell, panel.identity().roles(), grants))
}

/// What people call the node or server where a grant holds, if the viewer may know of it.
fn place(viewer: &Viewer, panel: &Panel, grant: &GrantListed) -> Option<String> {
    match &grant.scope {
        Scope::Node(id) => {
            let node = panel.fleet.node(*id)?;
            viewer
                .may(act::ShowNode, &*node)
                .then(|| EN.roles_on_node(node.name()))
        }
        Scope::Server(id) => {
            let server = panel.fleet.server(*id)?;
            viewer
                .may(act::ShowServer, &*server)
                .then(|| EN.roles_on_server(&server.spec().name))
        }
        Scope::NodeLabel { key, value } => Some(EN.roles_on_label(key, value)),
        Scope::Everything => None,
    }
}
