//! What the Host knows of a node from its heartbeats.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::NodeName;

/// The state of a node as the Host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeStatus {
    /// Asked to join; not approved yet.
    Pending,
    /// Heartbeats arrive.
    Online,
    /// No heartbeat for 15 s (configurable).
    Late,
    /// No heartbeat for 30 s (configurable), or the link is down that long.
    Offline,
    /// Its certificate and token are no longer good.
    Revoked,
    /// Stopped by a lock.
    Locked,
}

/// A part of a whole, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes there are.
    pub total_bytes: u64,
}

/// What a node says of itself every 5 s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Heartbeat {
    /// The node's name.
    pub name: NodeName,
    /// The version of its agent.
    pub version: String,
    /// The port of its local dashboard; 0 if that is off.
    pub port: u16,
    /// How many servers it keeps, running or not.
    pub server_count: u32,
    /// Load average over one minute.
    pub load: f64,
    /// Memory of the machine.
    pub memory: Share,
    /// The disk that holds the servers' folders.
    pub disk: Share,
    /// The node's own clock when it spoke; the Host names a skew.
    #[serde(with = "time::serde::rfc3339")]
    pub clock: OffsetDateTime,
}
