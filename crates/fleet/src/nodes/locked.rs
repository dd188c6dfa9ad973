//! Locks on nodes: somebody else keeps them, and says here which nodes they keep out.

use std::sync::Arc;

use watchroom_model::NodeName;

use super::Node;
use crate::{Fleet, FleetEvent};

impl Fleet {
    /// The node that is called that.
    #[must_use]
    pub fn node_named(&self, name: &NodeName) -> Option<Arc<Node>> {
        let nodes = self.known_nodes();
        nodes.values().find(|node| node.name() == *name).cloned()
    }

    /// Takes in which nodes a lock keeps out now. Whoever listens hears of those with which that has changed: their
    /// links are cut, or may come up again.
    pub fn lock_nodes(&self, is_locked: impl Fn(&Node) -> bool) {
        for node in self.known_nodes().values() {
            if node.lock(is_locked(node)) {
                self.tell(FleetEvent::Node(node.id()));
            }
        }
    }
}
