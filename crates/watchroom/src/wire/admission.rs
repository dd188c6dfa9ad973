//! link asks fleet: may this node come in?

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use watchroom_fleet::Fleet;
use watchroom_link::{Admission, ConnectFault, NodeHello};
use watchroom_model::NodeId;

/// Admits the nodes that are on the roll and approved. The fleet is given once it is open; until then
/// nobody is let in.
#[derive(Debug, Default)]
pub(crate) struct FleetAdmission(OnceLock<Fleet>);

impl FleetAdmission {
    pub(crate) fn opened(self: &Arc<Self>, fleet: Fleet) {
        // Only the composition root calls this, once.
        drop(self.0.set(fleet));
    }
}

#[async_trait]
impl Admission for FleetAdmission {
    async fn admit(&self, node: NodeId, _hello: &NodeHello, _peer: SocketAddr) -> Result<(), ConnectFault> {
        let known = self
            .0
            .get()
            .and_then(|fleet| fleet.node(node))
            .ok_or(ConnectFault::NotApproved)?;
        match known.admitted() {
            Ok(()) => Ok(()),
            Err("revoked") => Err(ConnectFault::Revoked),
            Err("locked") => Err(ConnectFault::Locked {
                why: "a lock is on this node".to_owned(),
            }),
            Err(_) => Err(ConnectFault::NotApproved),
        }
    }
}
