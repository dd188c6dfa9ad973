//! The port through which the fleet reaches its nodes.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_model::{Asker, Envelope, Heartbeat, Jail, NodeId, OrderOutcome, Sample, ServerId};
use watchroom_policy::{Act, Permit};

/// Why a node did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// There is no link to it now: nothing was sent.
    #[error("the node is not connected: {why}")]
    NotConnected {
        /// Since when, if it ever was.
        since: Option<OffsetDateTime>,
        /// The named cause, with the next step.
        why: String,
    },
    /// It did not answer in time.
    #[error("the node did not answer in time")]
    TimedOut {
        /// Whether it may still do what was ordered.
        may_still_happen: bool,
    },
    /// It will not or cannot show what was asked.
    #[error("the node refused ({code}): {why}")]
    Refused {
        /// A stable word.
        code: String,
        /// The cause and the next step.
        why: String,
    },
    /// The link broke or the node failed.
    #[error("the link to the node failed: {0}")]
    Failed(String),
}

/// In whose name a node is asked for what this permit allows to see.
pub(crate) fn asker<A: Act>(permit: &Permit<A>) -> Asker {
    Asker {
        principal: permit.principal().audit_name(),
        by: permit.principal().display_name(),
        decision: permit.decision(),
    }
}

/// How nodes are reached. Implemented over the link; in a slim test room over an in-process node.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// Sends an order and waits for its outcome until the envelope's deadline.
    async fn order(&self, node: NodeId, envelope: Envelope) -> Result<OrderOutcome, GatewayError>;

    /// A round trip to the node: how long it took, and how the node is.
    async fn ping(&self, node: NodeId, asker: Asker) -> Result<(Duration, Heartbeat), GatewayError>;

    /// What the node's machine did after `since`, by the node's own clock: at most its last hour, oldest first.
    async fn metrics(
        &self,
        node: NodeId,
        asker: Asker,
        since: OffsetDateTime,
    ) -> Result<Vec<Sample>, GatewayError>;

    /// Who is in the jail of the machine's fail2ban.
    async fn jail(&self, node: NodeId, asker: Asker) -> Result<Jail, GatewayError>;

    /// A server's console.
    async fn console(
        &self,
        node: NodeId,
        asker: Asker,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<ConsoleEvent, GatewayError>>, GatewayError>;
}
