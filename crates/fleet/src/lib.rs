//! Nodes and the servers they run, as the Host knows them.
//!
//! What is known is held in memory and shown from there; every change goes through the store with a
//! permit, and every order goes to its node through the [`Gateway`] with its intent committed first and
//! its outcome after. How a node is reached is somebody else's business.

mod authority;
mod event;
mod fail2ban;
mod fault;
mod fleet;
mod follow;
mod gateway;
mod idempotency;
mod machine;
pub mod nodes;
pub mod operations;
pub mod servers;
mod written;

pub use authority::{Authority, AuthorityError, Certified, ProvenNode, RequestedKey};
pub use event::FleetEvent;
pub use fail2ban::{JailView, Unjailed};
pub use fleet::{Fleet, Ports};
pub use gateway::{Gateway, GatewayError};
pub use idempotency::IdempotencyKey;
pub use machine::MachineMemory;
pub use nodes::{Node, NodeView};
pub use operations::{OperationKind, OperationState, OperationView};
pub use servers::{Acted, Outcome, Server, ServerView};
pub use written::Written;
