//! How alive a node is: from its link and its heartbeats, held in memory alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{Heartbeat, NodeId, NodeStatus};
use watchroom_store::Upkeep;

use crate::{Fleet, FleetEvent};

/// Shortest time between two writes of `last_ping`, so that ten thousand nodes cost little.
const PING_WRITTEN_EVERY: Duration = Duration::from_secs(30);

/// When silence becomes a state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Liveness {
    /// Seconds without a heartbeat after which a node is late. Default 15.
    pub late_s: u32,
    /// Seconds without a heartbeat after which it is offline. Default 30.
    pub offline_s: u32,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            late_s: 15,
            offline_s: 30,
        }
    }
}

impl Section for Liveness {
    const NAME: &'static str = "cluster";

    fn check(&self, problems: &mut Problems) {
        if self.late_s < 6 {
            problems.add(
                "cluster.late_s",
                "must be at least 6: nodes speak every 5 seconds",
            );
        }
        if self.offline_s <= self.late_s {
            problems.add("cluster.offline_s", "must be more than cluster.late_s");
        }
    }
}

/// What is known of a node at this moment.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) heard_at: Option<OffsetDateTime>,
    /// Since when there is a link, or since when there is none any more.
    pub(crate) link: Option<Link>,
    written_at: Option<OffsetDateTime>,
    announced: Option<NodeStatus>,
}

/// The state of the link as last heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up { since: OffsetDateTime },
    Down { since: OffsetDateTime, why: String },
}

impl Live {
    pub(crate) fn status(&self, now: OffsetDateTime, liveness: &Liveness) -> NodeStatus {
        let Some(heard) = self.heard_at else {
            return NodeStatus::Offline;
        };
        let silence = now - heard;
        if silence >= Duration::from_secs(liveness.offline_s.into()) {
            NodeStatus::Offline
        } else if silence >= Duration::from_secs(liveness.late_s.into()) {
            NodeStatus::Late
        } else {
            NodeStatus::Online
        }
    }
}

impl Fleet {
    /// A heartbeat of a node has arrived.
    pub fn heard(&self, id: NodeId, heartbeat: Heartbeat) {
        let Some(node) = self.known_node(id) else { return };
        let now = self.ambient().now();
        let mut live = node.live();
        live.heartbeat = Some(heartbeat);
        live.heard_at = Some(now);
        if live.written_at.is_none_or(|at| now - at >= PING_WRITTEN_EVERY) {
            live.written_at = Some(now);
            self.store()
                .upkeep(Upkeep::NodePing(id, self.ambient().clock.now_micros()));
        }
        drop(live);
        self.announce(id);
    }

    /// The link of a node has come up.
    pub fn link_up(&self, id: NodeId) {
        let Some(node) = self.known_node(id) else { return };
        node.live().link = Some(Link::Up {
            since: self.ambient().now(),
        });
        self.announce(id);
    }

    /// The link of a node has ended, for a named reason.
    pub fn link_down(&self, id: NodeId, why: String) {
        let Some(node) = self.known_node(id) else { return };
        node.live().link = Some(Link::Down {
            since: self.ambient().now(),
            why,
        });
        self.announce(id);
    }

    /// Tells listeners of every node whose state has changed by the passing of time.
    pub fn watch_silence(&self) {
        for node in self.known_nodes().values() {
            self.announce(node.id());
        }
    }

    fn announce(&self, id: NodeId) {
        let Some(node) = self.known_node(id) else { return };
        let status = node.status(self.ambient().now(), self.liveness());
        let was = node.live().announced.replace(status);
        if was != Some(status) {
            tracing::info!(node.id = %id, node.name = %node.name(), node.status = ?status, "node state changed");
            self.tell(FleetEvent::Node(id));
        }
    }
}
