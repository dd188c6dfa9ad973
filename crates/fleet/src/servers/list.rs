//! Finding servers: each only for those who may see it.

use std::ops::Bound;
use std::sync::Arc;

use serde::Deserialize;
use utoipa::IntoParams;
use watchroom_model::{NodeId, Page, PageError, PageRequest, ServerId, ServerStatus};
use watchroom_policy::{Principal, permission, reach};

use super::{Server, ServerView};
use crate::Fleet;
use crate::fleet::page_of;

/// Which servers are wanted; all that is given must fit.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ServerFilter {
    /// The id or name of their node.
    pub node: Option<String>,
    /// Their exact name.
    pub name: Option<String>,
    /// Their state.
    pub status: Option<ServerStatus>,
}

impl ServerFilter {
    fn fits(&self, server: &Server) -> bool {
        let is_on =
            |node: &String| server.node.name().as_str() == node || server.node.id().to_string() == *node;
        self.node.as_ref().is_none_or(is_on)
            && self
                .name
                .as_ref()
                .is_none_or(|name| server.spec.name.as_str() == name)
            && self.status.is_none_or(|status| server.report.status == status)
    }
}

impl Fleet {
    /// The servers that the principal may see, oldest first.
    ///
    /// # Errors
    /// [`PageError`] if no such page can be asked for.
    pub fn servers(
        &self,
        principal: &Principal,
        filter: &ServerFilter,
        request: &PageRequest,
    ) -> Result<Page<ServerView>, PageError> {
        let start: Bound<ServerId> = match &request.cursor {
            None => Bound::Unbounded,
            Some(cursor) => Bound::Excluded(cursor.parse().map_err(|_| PageError::Cursor)?),
        };
        let reach = reach(principal, permission::COMPUTE_READ);
        let servers = self.known_servers();
        let visible = servers
            .range((start, Bound::Unbounded))
            .filter(|(_, server)| reach.covers(&***server) && filter.fits(server));
        page_of(visible, request, |server| self.view_server(server))
    }

    /// One server, whoever asks: what may be done with it is decided next.
    #[must_use]
    pub fn server(&self, id: ServerId) -> Option<Arc<Server>> {
        self.known_server(id)
    }

    /// The server of that name on a node, whoever asks: what may be done with it is decided next.
    #[must_use]
    pub fn server_named(&self, node: NodeId, name: &str) -> Option<Arc<Server>> {
        let servers = self.known_servers();
        let is_it = |server: &&Arc<Server>| server.node.id() == node && server.spec.name.as_str() == name;
        servers.values().find(is_it).cloned()
    }
}
