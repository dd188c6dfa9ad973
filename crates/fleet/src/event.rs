//! What the fleet tells listeners as it happens.

use watchroom_model::{NodeId, ServerId};

use crate::nodes::Turn;

/// One thing that looks different now. Listeners ask for the thing again if they may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FleetEvent {
    /// A node's state or record.
    Node(NodeId),
    /// A node's state, as it is worth telling people: damped if it flaps.
    Turned(NodeId, Turn),
    /// The cluster CAs: every node has to be told which to trust.
    Authorities,
    /// The machines that wait to be let in.
    JoinRequests,
    /// A server's state or record, with the node it is on.
    Server(ServerId, NodeId),
}
