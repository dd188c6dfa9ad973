//! What happens on the links.

use std::sync::Arc;

use time::OffsetDateTime;
use watchroom_model::{Heartbeat, NodeId, ServerReport};

use crate::{ConnectFault, NodeHello};

/// Something that happened on a node's link. For one node the order is kept: `Up`, then heartbeats and
/// reports, then `Down`; the `Down` of a displaced link comes before the `Up` of the one that displaces it.
/// An `Up` without a `Down` before it is the next link of the same agent, to which everything goes over.
#[derive(Clone, Debug)]
pub enum LinkEvent {
    /// A node is linked.
    Up {
        /// Which.
        node: NodeId,
        /// What it said of itself.
        hello: Arc<NodeHello>,
    },
    /// Its link ended.
    Down {
        /// Which.
        node: NodeId,
        /// Why.
        why: ConnectFault,
    },
    /// It proved itself by its certificate and was not let in.
    Refused {
        /// Which.
        node: NodeId,
        /// Why.
        why: ConnectFault,
    },
    /// It spoke.
    Heartbeat {
        /// Which.
        node: NodeId,
        /// What it said.
        heartbeat: Arc<Heartbeat>,
        /// When it arrived, by the Host's clock.
        at: OffsetDateTime,
    },
    /// One of its servers changed.
    Report {
        /// Which node.
        node: NodeId,
        /// How the server is.
        report: Arc<ServerReport>,
    },
    /// It told of all its servers, as they are: [`NodeLink::reports`](crate::NodeLink::reports). What is not among
    /// them the node no longer keeps. They are not part of the event, as many events may wait for a receiver.
    Reports {
        /// Which node.
        node: NodeId,
    },
}
