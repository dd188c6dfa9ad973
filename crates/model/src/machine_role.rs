//! What a machine is in its cluster. What people may do is another matter: see the roles of `watchroom-policy`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a machine is in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineRole {
    /// The control plane alone.
    Host,
    /// A machine that joined a Host elsewhere.
    Node,
    /// The control plane, with a node of its own that has been linked to it.
    Both,
}

impl fmt::Display for MachineRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Node => "node",
            Self::Both => "both",
        })
    }
}
