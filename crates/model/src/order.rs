//! What the Host may ask of a node about its servers, and what the node may answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DecisionId, ServerId, ServerReport, ServerSpec};

/// One thing to do. Carried with an idempotency key: a node does it exactly once per key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", content = "of", rename_all = "snake_case")]
pub enum Order {
    /// Keep this server from now on; it stays stopped until started.
    Create(Box<ServerSpec>),
    /// Stop it if it runs and forget it. Its folder stays.
    Remove(ServerId),
    /// Desire it to run.
    Start(ServerId),
    /// Desire it to be down.
    Stop(ServerId),
    /// End its process and start it anew; it is then desired to run.
    Restart(ServerId),
    /// Send one line to its standard input.
    SendLine {
        /// To which server.
        id: ServerId,
        /// The line, without its end.
        line: String,
    },
}

/// The kind of an order, by which a node's own gate refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// [`Order::Create`].
    Create,
    /// [`Order::Remove`].
    Remove,
    /// [`Order::Start`], [`Order::Stop`] and [`Order::Restart`].
    Control,
    /// [`Order::SendLine`].
    Console,
}

impl Order {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> OrderKind {
        match self {
            Self::Create(_) => OrderKind::Create,
            Self::Remove(_) => OrderKind::Remove,
            Self::Start(_) | Self::Stop(_) | Self::Restart(_) => OrderKind::Control,
            Self::SendLine { .. } => OrderKind::Console,
        }
    }

    /// The server it is about.
    #[must_use]
    pub fn server(&self) -> ServerId {
        match self {
            Self::Create(spec) => spec.id,
            Self::Remove(id)
            | Self::Start(id)
            | Self::Stop(id)
            | Self::Restart(id)
            | Self::SendLine { id, .. } => *id,
        }
    }
}

/// What became of an order on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum OrderOutcome {
    /// It was done; this is how the server stands now.
    Done {
        /// The server's state, unless it was removed.
        report: Option<ServerReport>,
    },
    /// Nothing was to do.
    AlreadySo {
        /// The server's state, unless it was removed.
        report: Option<ServerReport>,
    },
    /// The node will not or cannot.
    Refused {
        /// A stable word: `not_allowed_here`, `name_taken`, `no_such_server`, `not_running`, `no_such_program`, `folder_outside`, ...
        code: String,
        /// The cause and the next step, for people.
        why: String,
    },
}

/// An order with all that travels with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The idempotency key: the node does an order exactly once per key and gives the first answer again.
    pub key: String,
    /// What to do.
    pub order: Order,
    /// Who ordered it, as the audit log calls them.
    pub principal: String,
    /// Who ordered it, as people call them ("stopped by alice").
    pub by: String,
    /// The Host's decision that allowed it.
    pub decision: DecisionId,
    /// How long the Host waits for the answer.
    pub deadline: Duration,
}

#[cfg(test)]
mod tests {
    use watchroom_kit::Ambient;

    use super::*;

    #[test]
    fn every_order_survives_the_wire() {
        let id = ServerId::mint(&Ambient::system());
        let line = Order::SendLine {
            id,
            line: "say hello".into(),
        };
        for order in [
            Order::Remove(id),
            Order::Start(id),
            Order::Stop(id),
            Order::Restart(id),
            line,
        ] {
            let text = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order, "{text}");
        }
    }
}
