//! The channel between Host and node, both ends of it: the node dials, and then serves.
//!
//! A node opens one TLS connection to its Host ([`Dialler`]) and answers gRPC on it; the Host
//! ([`Hub`]) calls. So it works behind NAT, and there is one direction of calls: orders are
//! answered, heartbeats, reports and consoles are streams that the Host opens. The node implements the
//! plain trait [`Agent`] and never sees generated code.
//!
//! TLS proves which key speaks (see `watchroom-trust`); everything else that can be wrong is told by name in
//! the first frames ([`ConnectFault`]), because a TLS alert cannot say it.

mod agent;
mod bounds;
mod codec;
mod error;
mod fault;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hello;
mod http2;
mod hub;
mod join;
mod node;
mod pace;
mod papers;
mod settings;
mod statement;
mod transport;
mod wire;

pub use agent::{Agent, AgentError};
pub use error::LinkError;
pub use fault::ConnectFault;
pub use hello::NodeHello;
pub use hub::{Admission, Arrival, ConsoleStream, Hub, LinkEvent, NodeLink, Passage};
pub use join::{JoinCallError, JoinHost};
pub use node::{Dialler, DiallerSettings, LinkState, LinkStates};
pub use pace::Pace;
pub use papers::{FreshPapers, Papers};
pub use settings::LinkSettings;
pub use watchroom_model::Envelope;
pub use watchroom_model::console::ConsoleFrom;
