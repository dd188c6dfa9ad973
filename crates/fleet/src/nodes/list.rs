//! Finding nodes: each only for those who may see it.

use std::ops::Bound;
use std::sync::Arc;

use watchroom_model::{NodeId, Page, PageError, PageRequest};
use watchroom_policy::{Principal, permission, reach};

use super::{Node, NodeView};
use crate::fleet::page_of;
use crate::{Fleet, Written};

impl Fleet {
    /// The nodes that the principal may see, oldest first.
    ///
    /// # Errors
    /// [`PageError`] if no such page can be asked for.
    pub fn nodes(&self, principal: &Principal, request: &PageRequest) -> Result<Page<NodeView>, PageError> {
        self.page_of_nodes(principal, request, |node| self.view_node(node))
    }

    /// The same as JSON: what dashboards and scripts ask for all day.
    ///
    /// # Errors
    /// [`PageError`] if no such page can be asked for.
    pub fn nodes_written(
        &self,
        principal: &Principal,
        request: &PageRequest,
    ) -> Result<Page<Written>, PageError> {
        self.page_of_nodes(principal, request, |node| self.node_written(node))
    }

    fn page_of_nodes<V>(
        &self,
        principal: &Principal,
        request: &PageRequest,
        show: impl Fn(&Node) -> V,
    ) -> Result<Page<V>, PageError> {
        let reach = reach(principal, permission::NODES_READ);
        let nodes = self.known_nodes();
        let from = (page_start(request)?, Bound::Unbounded);
        let visible = nodes.range(from).filter(|(_, node)| reach.covers(&***node));
        page_of(visible, request, |node| show(node))
    }

    /// One node, whoever asks: what may be done with it is decided next.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.known_node(id)
    }

    /// The node of that id or name, if the principal may see it.
    #[must_use]
    pub fn find_node(&self, principal: &Principal, id_or_name: &str) -> Option<Arc<Node>> {
        let reach = reach(principal, permission::NODES_READ);
        let nodes = self.known_nodes();
        let is_it =
            |node: &&Arc<Node>| node.name().as_str() == id_or_name || node.id().to_string() == id_or_name;
        nodes
            .values()
            .filter(|node| reach.covers(&***node))
            .find(is_it)
            .cloned()
    }

    /// The Host's own node.
    #[must_use]
    pub fn local_node(&self) -> Option<Arc<Node>> {
        let own = self.own_node().get()?;
        self.known_node(*own)
    }
}

fn page_start(request: &PageRequest) -> Result<Bound<NodeId>, PageError> {
    match &request.cursor {
        None => Ok(Bound::Unbounded),
        Some(cursor) => cursor.parse().map(Bound::Excluded).map_err(|_| PageError::Cursor),
    }
}
