//! Why an order to a node did not have its effect.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::NodeName;
use watchroom_store::StoreError;

use crate::{GatewayError, Node};

/// Why an order did not have its effect. Each names the outcome for people.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderError {
    /// The server is gone, or was never there.
    #[error("there is no such server")]
    NoSuchServer,
    /// The node is gone, or was never there.
    #[error("there is no such node")]
    NoSuchNode,
    /// The operation is gone, or was never there.
    #[error("there is no such operation")]
    NoSuchOperation,
    /// The operation has ended: there is nothing to call off.
    #[error("the operation has ended")]
    OperationOver,
    /// The node is not connected: nothing was changed.
    #[error("node {node} is offline: {why}")]
    NodeOffline {
        /// Which.
        node: NodeName,
        /// Since when, if it was ever connected.
        since: Option<OffsetDateTime>,
        /// The named cause.
        why: String,
    },
    /// The node was revoked, is locked or was never approved: nothing is asked of it.
    #[error("node {node} is {standing}")]
    NodeKeptOut {
        /// Which.
        node: NodeName,
        /// `pending`, `revoked` or `locked`.
        standing: &'static str,
    },
    /// The node will not or cannot.
    #[error("the node refused ({code}): {why}")]
    RefusedByNode {
        /// A stable word.
        code: String,
        /// The cause and the next step.
        why: String,
    },
    /// The node did not answer in time.
    #[error("the node did not answer in time")]
    TimedOut {
        /// Whether it may still happen.
        may_still_happen: bool,
    },
    /// The link broke or the node failed in the middle.
    #[error("the node failed: {0}")]
    Failed(String),
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OrderError {
    /// Refuses, by name, to ask anything of a node that is kept out.
    pub(crate) fn unless_admitted(node: &Node) -> Result<(), Self> {
        node.admitted().map_err(|standing| Self::NodeKeptOut {
            node: node.name(),
            standing,
        })
    }

    pub(crate) fn from_gateway(node: NodeName, error: GatewayError) -> Self {
        match error {
            GatewayError::NotConnected { since, why } => Self::NodeOffline { node, since, why },
            GatewayError::TimedOut { may_still_happen } => Self::TimedOut { may_still_happen },
            GatewayError::Refused { code, why } => Self::RefusedByNode { code, why },
            GatewayError::Failed(why) => Self::Failed(why),
        }
    }

    /// Whether the order has certainly not been done and will not be, however often it was sent. Only the node itself
    /// can say so: that nothing was sent now says nothing of an earlier try with the same key.
    pub(crate) const fn is_settled(&self) -> bool {
        match self {
            Self::NoSuchServer
            | Self::NoSuchNode
            | Self::NoSuchOperation
            | Self::RefusedByNode { .. }
            | Self::KeyReused
            | Self::OperationOver => true,
            Self::NodeOffline { .. }
            | Self::NodeKeptOut { .. }
            | Self::TimedOut { .. }
            | Self::Failed(_)
            | Self::Store(_) => false,
        }
    }
}

/// The slug and the next step for a node that is kept out.
fn kept_out(standing: &str) -> (&'static str, &'static str) {
    match standing {
        "revoked" => ("node-revoked", "make a replace join URL for it to bring it back"),
        "locked" => ("node-locked", "lift its lock first"),
        _ => ("node-not-approved", "approve it first"),
    }
}

impl Fault for OrderError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NoSuchServer | Self::NoSuchNode | Self::NoSuchOperation => FaultKind::NotFound,
            Self::NodeOffline { .. } | Self::Failed(_) => FaultKind::Unavailable,
            Self::NodeKeptOut { .. } | Self::RefusedByNode { .. } | Self::KeyReused | Self::OperationOver => {
                FaultKind::Conflict
            }
            Self::TimedOut { .. } => FaultKind::Timeout,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NoSuchServer | Self::NoSuchNode | Self::NoSuchOperation => "not-found",
            Self::OperationOver => "operation-over",
            Self::NodeOffline { .. } => "node-offline",
            Self::NodeKeptOut { standing, .. } => kept_out(standing).0,
            Self::RefusedByNode { .. } => "refused-by-node",
            Self::TimedOut { .. } => "node-timed-out",
            Self::Failed(_) => "node-failed",
            Self::KeyReused => "idempotency-key-reused",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NoSuchServer => "there is no such server, or you may not know of it".to_owned(),
            Self::NoSuchNode => "there is no such node, or you may not know of it".to_owned(),
            Self::NoSuchOperation => "there is no such operation, or you may not know of it".to_owned(),
            Self::OperationOver => {
                "the operation has ended, so there is nothing to call off; look at its outcome".to_owned()
            }
            Self::NodeOffline { node, since, why } => {
                let since = since.and_then(|at| at.format(&Rfc3339).ok());
                let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
                format!(
                    "node {node} is offline{since}: {why}. Nothing was changed; try again when it is back"
                )
            }
            Self::NodeKeptOut { node, standing } => {
                let next = kept_out(standing).1;
                format!("node {node} is {standing}; nothing was asked of it. To go on, {next}")
            }
            Self::RefusedByNode { why, .. } => format!("the node refused: {why}"),
            Self::TimedOut {
                may_still_happen: true,
            } => {
                "the node did not answer in time; it may still do it. Look at the server before you try again"
                    .to_owned()
            }
            Self::TimedOut {
                may_still_happen: false,
            } => "the node did not answer in time; nothing was done. Try again".to_owned(),
            Self::Failed(_) => {
                "the link to the node failed; look at the server before you try again".to_owned()
            }
            Self::KeyReused => {
                "this Idempotency-Key was used for another request; use a fresh one".to_owned()
            }
            Self::Store(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::NodeOffline { .. } => Some(10),
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
