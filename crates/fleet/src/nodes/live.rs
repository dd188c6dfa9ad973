//! How alive a node is: from its link and its heartbeats, held in memory alone.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{Heartbeat, NodeId, NodeStatus};
use watchroom_store::Upkeep;

use super::Node;
use super::damping::Turns;
use super::links::{self, Kept};
use crate::{Fleet, FleetEvent};

/// Shortest time between two writes of `last_ping`, so that ten thousand nodes cost little.
const PING_WRITTEN_EVERY: Duration = Duration::from_secs(30);

/// How nodes are listened to: when silence becomes a state, and how often one may come back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Liveness {
    /// Networks from which nodes may link and machines may ask to join, beside what they prove. Loopback always
    /// may. Default: from anywhere.
    pub allowed_networks: Vec<IpNet>,
    /// Seconds between two heartbeats of a node. Default 5.
    pub heartbeat_s: u32,
    /// Seconds without a heartbeat after which a node is late. Default 15.
    pub late_s: u32,
    /// Seconds without a heartbeat after which it is offline. Default 30.
    pub offline_s: u32,
    /// How often a node whose certificate has expired may come back by itself until a person decides. Time in
    /// which this Host did not run is not held against it. Default 5.
    pub returns: u32,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            heartbeat_s: 5,
            late_s: 15,
            offline_s: 30,
            returns: 5,
        }
    }
}

impl Section for Liveness {
    const NAME: &'static str = "cluster";

    fn check(&self, problems: &mut Problems) {
        if !(1..=60).contains(&self.heartbeat_s) {
            problems.add("cluster.heartbeat_s", "must be from 1 to 60");
        }
        if self.late_s <= self.heartbeat_s {
            problems.add("cluster.late_s", "must be more than cluster.heartbeat_s");
        }
        if self.offline_s <= self.late_s {
            problems.add("cluster.offline_s", "must be more than cluster.late_s");
        }
    }
}

/// What is known of a node at this moment.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) heartbeat: Option<Arc<Heartbeat>>,
    pub(crate) heard_at: Option<OffsetDateTime>,
    /// The node's own time of its last heartbeat that came without a link.
    pub(crate) said_at: Option<OffsetDateTime>,
    /// Since when there is a link, or since when there is none any more.
    pub(crate) link: Option<Link>,
    /// What is kept of its newest link.
    pub(crate) kept: Kept,
    pub(crate) turns: Turns,
    /// Since when this Host has waited for it to speak for the first time.
    awaited_since: Option<OffsetDateTime>,
    written_at: Option<OffsetDateTime>,
    announced: Option<(NodeStatus, bool)>,
}

/// The state of the link as last heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up { since: OffsetDateTime },
    Down { since: OffsetDateTime, why: String },
}

impl Live {
    pub(crate) fn status(&self, now: OffsetDateTime, liveness: &Liveness) -> NodeStatus {
        if let Some(fenced) = links::fenced(&self.kept) {
            return fenced;
        }
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
    /// A heartbeat of a node has arrived, at this time of ours.
    pub fn heard(&self, id: NodeId, heartbeat: Arc<Heartbeat>, at: OffsetDateTime) {
        let Some(node) = self.known_node(id) else { return };
        let now = self.ambient().now();
        let mut live = node.live();
        live.heartbeat = Some(heartbeat);
        live.heard_at = Some(at);
        if live.written_at.is_none_or(|at| now - at >= PING_WRITTEN_EVERY) {
            live.written_at = Some(now);
            self.store()
                .upkeep(Upkeep::NodePing(id, self.ambient().clock.now_micros()));
        }
        drop(live);
        self.announce(&node);
    }

    /// The link of a node has come up.
    pub fn link_up(&self, id: NodeId) {
        let Some(node) = self.known_node(id) else { return };
        node.live().link = Some(Link::Up {
            since: self.ambient().now(),
        });
        self.announce(&node);
    }

    /// The link of a node has ended, for a named reason. Its state follows by silence; that it is cut shows at once.
    pub fn link_down(&self, id: NodeId, why: String) {
        let Some(node) = self.known_node(id) else { return };
        node.live().link = Some(Link::Down {
            since: self.ambient().now(),
            why,
        });
        self.announce(&node);
    }

    /// Tells listeners of every node whose state has changed by the passing of time.
    pub fn watch_silence(&self) {
        for node in self.known_nodes().values() {
            self.announce(node);
        }
    }

    /// Tells listeners if a node looks different from what they were told last.
    pub(crate) fn announce(&self, node: &Node) {
        let now = self.ambient().now();
        let status = node.status(now, self.liveness());
        let mut live = node.live();
        let is_linked = matches!(live.link, Some(Link::Up { .. }));
        let was = live.announced.replace((status, is_linked));
        let patience = Duration::from_secs(self.liveness().offline_s.into());
        let awaited_since = *live.awaited_since.get_or_insert(now);
        // After a start nobody has spoken yet: that is no silence until it has lasted as long as one.
        let is_awaited =
            status == NodeStatus::Offline && live.heard_at.is_none() && now - awaited_since < patience;
        let turn = if is_awaited {
            None
        } else {
            live.turns.look(now, status)
        };
        drop(live);
        if let Some(turn) = turn {
            tracing::info!(node.id = %node.id(), node.name = %node.name(), node.turn = ?turn, "node state changed");
            self.tell(FleetEvent::Turned(node.id(), turn));
        }
        if turn.is_some() || was != Some((status, is_linked)) {
            self.tell(FleetEvent::Node(node.id()));
        }
    }
}
