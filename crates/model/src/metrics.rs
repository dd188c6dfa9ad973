//! What a node measures of its machine and its servers.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{ServerId, Share};

/// One look at a machine. Rates are means since the look before; the first look has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// When, by the node's own clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How busy all cores were together, in hundredths.
    pub cpu_percent: Option<f64>,
    /// Load average over one minute.
    pub load: f64,
    /// Memory.
    pub memory: Share,
    /// Swap space.
    pub swap: Share,
    /// Every disk that is mounted, at most 16.
    pub disks: Vec<Disk>,
    /// What went through all network devices but the loopback.
    pub network: Option<Traffic>,
    /// The servers that ran.
    pub servers: Vec<ServerUse>,
}

/// A mounted disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disk {
    /// Where it is mounted first.
    pub mount: String,
    /// How full it is.
    #[serde(flatten)]
    pub share: Share,
}

/// What went over the network, in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// What came in.
    pub received_bytes_per_s: f64,
    /// What went out.
    pub sent_bytes_per_s: f64,
}

/// What one server used: its process and those that stayed in its process group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServerUse {
    /// Which.
    pub id: ServerId,
    /// Processor time in hundredths of one core.
    pub cpu_percent: Option<f64>,
    /// Resident memory, in bytes; what processes share is counted in each.
    pub memory_bytes: u64,
}
