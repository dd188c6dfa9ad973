//! The node of the Host's own machine comes up: from then on the machine is both.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use watchroom_kit::Tasks;
use watchroom_link::{Hub, LinkEvent};

use crate::role_file::HostRole;

/// Waits for the first link of this machine's own node, and writes down what that makes of the machine.
pub(crate) fn follow(role: &Arc<HostRole>, hub: &Hub, tasks: &Tasks) {
    let (role, mut events, hub) = (Arc::clone(role), hub.events(), hub.clone());
    tasks.spawn("follow-own-node", async move {
        loop {
            let own = role.identity().node;
            let is_up = match events.recv().await {
                Ok(LinkEvent::Up { node, .. }) => node == own,
                Ok(_) => false,
                Err(RecvError::Lagged(_)) => hub.link(own).is_some(),
                Err(RecvError::Closed) => return,
            };
            if !is_up {
                continue;
            }
            match role.has_node().await {
                Ok(()) => return,
                Err(error) => {
                    let error = error.render(false);
                    tracing::error!(%error, "that this machine is a node too could not be written down; its next link tries again");
                }
            }
        }
    });
}
