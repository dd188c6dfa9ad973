//! Which node has which live link, and the events of all.
//!
//! Every event of a link is sent under the lock of its node's slot and only while that link is the one in
//! the slot, so that nothing of an old link can follow the `Up` of a newer one.

use dashmap::DashMap;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use watchroom_kit::Clock;
use watchroom_model::NodeId;

use super::{LinkEvent, NodeLink};
use crate::ConnectFault;

/// What is known of one node's links.
#[derive(Default)]
struct Slot {
    /// The highest epoch that was admitted since this Host started.
    epoch: u64,
    live: Option<NodeLink>,
    gone_since: Option<OffsetDateTime>,
}

pub(crate) struct Registry {
    slots: DashMap<NodeId, Slot>,
    events: broadcast::Sender<LinkEvent>,
    clock: Clock,
}

impl Registry {
    pub(crate) fn new(events_kept: usize, clock: Clock) -> Self {
        Self {
            slots: DashMap::new(),
            events: broadcast::Sender::new(events_kept.max(1)),
            clock,
        }
    }

    pub(crate) fn link(&self, node: NodeId) -> Option<NodeLink> {
        self.slots.get(&node)?.live.clone()
    }

    pub(crate) fn gone_since(&self, node: NodeId) -> Option<OffsetDateTime> {
        self.slots.get(&node)?.gone_since
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        let live = self.slots.iter().filter(|slot| slot.live.is_some());
        let mut nodes: Vec<_> = live.map(|slot| *slot.key()).collect();
        nodes.sort_unstable();
        nodes
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.events.subscribe()
    }

    /// Tells all receivers; nobody may be listening, and that is no fault.
    pub(crate) fn emit(&self, event: LinkEvent) {
        drop(self.events.send(event));
    }

    /// Keeps the place for a link of this epoch, if it is newer than all before it.
    pub(crate) fn claim(&self, node: NodeId, epoch: u64) -> Result<(), ConnectFault> {
        let mut slot = self.slots.entry(node).or_default();
        if epoch <= slot.epoch {
            return Err(ConnectFault::Superseded {
                epoch,
                newest: slot.epoch,
            });
        }
        slot.epoch = epoch;
        Ok(())
    }

    /// Puts a link in its place and returns the one that it displaces. Fails if a newer one came meanwhile.
    pub(crate) fn publish(&self, link: &NodeLink) -> Result<Option<NodeLink>, ConnectFault> {
        let node = link.node();
        let mut slot = self.slots.entry(node).or_default();
        if slot.epoch != link.epoch() {
            return Err(ConnectFault::Superseded {
                epoch: link.epoch(),
                newest: slot.epoch,
            });
        }
        let displaced = slot.live.replace(link.clone());
        slot.gone_since = None;
        if displaced.is_some() {
            self.emit(LinkEvent::Down {
                node,
                why: ConnectFault::Displaced,
            });
        }
        self.emit(LinkEvent::Up {
            node,
            hello: link.hello_shared(),
        });
        Ok(displaced)
    }

    /// Tells an event of the link with this epoch, unless another has taken its place.
    pub(crate) fn emit_of(&self, node: NodeId, epoch: u64, event: LinkEvent) {
        let slot = self.slots.get(&node);
        if slot
            .as_ref()
            .and_then(|slot| slot.live.as_ref())
            .is_some_and(|live| live.epoch() == epoch)
        {
            self.emit(event);
        }
    }

    /// Takes the link with this epoch out, if it is still in. Whoever takes it out tells why.
    pub(crate) fn retire(&self, node: NodeId, epoch: u64, why: &ConnectFault) {
        let Some(mut slot) = self.slots.get_mut(&node) else {
            return;
        };
        if slot.live.as_ref().is_some_and(|live| live.epoch() == epoch) {
            slot.live = None;
            slot.gone_since = Some(self.clock.now());
            self.emit(LinkEvent::Down {
                node,
                why: why.clone(),
            });
        }
    }
}
