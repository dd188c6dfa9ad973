//! Which node has which live link, and the events of all.
//!
//! Every event of a link is sent under the lock of its node's slot and only while that link is the one in
//! the slot, so that nothing of an old link can follow the `Up` of a newer one.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use tokio::time::Instant;
use watchroom_kit::Clock;
use watchroom_model::NodeId;

use super::{LinkEvent, NodeLink};
use crate::{ConnectFault, LinkSettings, Pace};

/// What is known of one node's links.
#[derive(Default)]
struct Slot {
    live: Option<NodeLink>,
    gone_since: Option<OffsetDateTime>,
    /// One agent at a time is judged: of two that come together the second sees the first.
    door: Arc<tokio::sync::Mutex<()>>,
    /// How fast it is given certificates, over whichever link.
    certificates: Option<Pace>,
}

/// What a link took the place of.
pub(super) enum Displaced {
    /// Nothing.
    Nothing,
    /// The link beside which it was dialled: it is to be emptied first.
    ToEmpty(NodeLink),
    /// One that its agent has given up.
    Lost(NodeLink),
}

pub(super) struct Registry {
    slots: DashMap<NodeId, Slot>,
    events: broadcast::Sender<LinkEvent>,
    clock: Clock,
    /// What paces are measured from: those who wait do so by the runtime's clock.
    begun: Instant,
}

impl Registry {
    pub(super) fn new(events_kept: usize, clock: Clock) -> Self {
        Self {
            slots: DashMap::new(),
            events: broadcast::Sender::new(events_kept.max(1)),
            clock,
            begun: Instant::now(),
        }
    }

    pub(super) fn link(&self, node: NodeId) -> Option<NodeLink> {
        self.slots.get(&node)?.live.clone()
    }

    pub(super) fn links(&self) -> Vec<NodeLink> {
        self.slots.iter().filter_map(|slot| slot.live.clone()).collect()
    }

    pub(super) fn gone_since(&self, node: NodeId) -> Option<OffsetDateTime> {
        self.slots.get(&node)?.gone_since
    }

    /// Where agents of one node wait for each other.
    pub(super) fn door(&self, node: NodeId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.slots.entry(node).or_default().door)
    }

    /// Takes a turn at being given a certificate.
    ///
    /// # Errors
    /// How long the node has to wait for one.
    pub(super) fn may_certify(&self, node: NodeId, settings: &LinkSettings) -> Result<(), Duration> {
        let now = self.begun.elapsed();
        let mut slot = self.slots.entry(node).or_default();
        let pace = slot
            .certificates
            .get_or_insert_with(|| Pace::new(settings.certificates_apart, settings.certificates_at_once));
        pace.take(now)
    }

    pub(super) fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.events.subscribe()
    }

    /// Tells all receivers; nobody may be listening, and that is no fault.
    pub(super) fn emit(&self, event: LinkEvent) {
        drop(self.events.send(event));
    }

    /// Puts a link in its place and says what it took the place of.
    pub(super) fn publish(&self, link: &NodeLink) -> Displaced {
        let node = link.node();
        let mut slot = self.slots.entry(node).or_default();
        let before = slot.live.replace(link.clone());
        slot.gone_since = None;
        let displaced = match before {
            None => Displaced::Nothing,
            Some(before) if link.hello().beside == Some(before.epoch()) => Displaced::ToEmpty(before),
            Some(before) => Displaced::Lost(before),
        };
        if matches!(displaced, Displaced::Lost(_)) {
            self.emit(LinkEvent::Down {
                node,
                why: ConnectFault::Displaced,
            });
        }
        self.emit(LinkEvent::Up {
            node,
            hello: link.hello_shared(),
        });
        displaced
    }

    /// Tells an event of the link with this epoch, unless another has taken its place.
    pub(super) fn emit_of(&self, node: NodeId, epoch: u64, event: LinkEvent) {
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
    pub(super) fn retire(&self, node: NodeId, epoch: u64, why: &ConnectFault) {
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
