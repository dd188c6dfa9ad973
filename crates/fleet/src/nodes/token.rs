//! Which node shows a cluster token.

use std::sync::Arc;

use crate::{Fleet, Node};

impl Fleet {
    /// The node whose cluster token this is, if that is still taken: not expired, not revoked.
    #[must_use]
    pub fn node_by_token(&self, token: &str) -> Option<Arc<Node>> {
        // Comparing hashes is in constant time, and finding one tells nothing of the token.
        let shown = blake3::hash(token.as_bytes());
        let now = self.ambient().now();
        let nodes = self.known_nodes();
        let is_its = |node: &&Arc<Node>| {
            let record = node.record();
            let kept = record.token.as_ref().filter(|(_, until)| now < *until);
            kept.is_some_and(|(hash, _)| blake3::Hash::from_hex(hash).is_ok_and(|hash| hash == shown))
        };
        nodes
            .values()
            .filter(|node| node.admitted().is_ok())
            .find(is_its)
            .cloned()
    }
}
