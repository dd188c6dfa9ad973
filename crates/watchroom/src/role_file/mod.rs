//! Who this machine is, kept twice: in `<state>/role.toml`, and in the database of a Host or the memory of a node.
//!
//! One copy that is missing is restored from the other, and that is audited. Two that differ, or one that the
//! machine's key has not signed, stop the start: `watchroom role-file repair` lets a person decide. Each
//! statement names the one it replaced, so that a change which was interrupted between the two is finished
//! and is no disagreement.

mod file;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "node")]
mod node;
mod repair;
mod statement;
mod verdict;

pub use statement::{Identity, Statement, Unbelieved};

pub(crate) use file::RoleFile;
#[cfg(feature = "host")]
pub(crate) use host::{HostRole, is_of, unwritten};
#[cfg(feature = "node")]
pub(crate) use node::{remembered, settle_node, state_anew};
pub(crate) use repair::{Found, Repaired, Side};
pub(crate) use verdict::{Copy, Verdict};
