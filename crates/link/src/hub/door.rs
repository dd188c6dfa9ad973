//! The door: from a hello to a verdict. Two agents with one key are told apart here.

use super::arrival::Order;
use super::{FAREWELL, NodeLink, Shared, papers};
use crate::{ConnectFault, hello};

/// Judges an agent that has said hello. The caller holds the node's door, so agents of one node come one by one.
pub(super) async fn judge(shared: &Shared, link: &NodeLink) -> Result<(), ConnectFault> {
    hello::judge(link.hello(), &shared.settings.version, shared.ambient.now())?;
    shared.admission.admit(link.arrival(), link.hello()).await?;
    tell_apart(shared, link).await?;
    if link.arrival().expired_at.is_some() {
        papers::renew_once(link).await?;
        return Err(ConnectFault::Renewed);
    }
    shared.admission.keep(link.node(), link.passage()).await
}

/// A machine that was started anew, or lost its way for a while, is let in; a second machine with the same key
/// shows itself by an older disk, or by an agent that is alive beside the one that is linked.
async fn tell_apart(shared: &Shared, link: &NodeLink) -> Result<(), ConnectFault> {
    let (node, passage) = (link.node(), link.passage());
    let newest = shared.admission.newest(node);
    let live = shared.registry.link(node);
    match (passage.after(newest.as_ref()), &live) {
        (Order::SameAgent, Some(live)) if live.agent() == passage.agent && live.epoch() >= passage.epoch => {
            return Err(ConnectFault::Superseded {
                epoch: passage.epoch,
                newest: live.epoch(),
            });
        }
        (Order::Older, _) => {
            let seen = newest.map_or(0, |newest| newest.epoch);
            let why = format!(
                "a machine with its key came from {} with dial {}, after dial {seen} of another",
                link.peer(),
                passage.epoch
            );
            return Err(fence(shared, link, why).await);
        }
        _ => {}
    }
    match live {
        Some(live) if live.agent() != passage.agent && live.is_alive().await => {
            let why = format!(
                "two machines have its key: one at {}, one at {}",
                live.peer(),
                link.peer()
            );
            Err(fence(shared, link, why).await)
        }
        _ => Ok(()),
    }
}

/// Fences the node of this link, and cuts the link that it has.
pub(super) async fn fence(shared: &Shared, link: &NodeLink, why: String) -> ConnectFault {
    let node = link.node();
    tracing::error!(node.id = %node, "a node is fenced: {why}");
    shared.admission.fence(node, &why).await;
    let fault = ConnectFault::Fenced { why };
    if let Some(live) = shared.registry.link(node) {
        shared.registry.retire(node, live.epoch(), &fault);
        let fault = fault.clone();
        drop(shared.ambient.tasks.spawn("link.fenced", async move {
            live.dismiss(&fault, FAREWELL).await;
        }));
    }
    fault
}
