//! What the Host may ask of a node, about its servers or about the machine, and what the node may answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DecisionId, JailedAddress, ServerId, ServerName, ServerReport, ServerSpec};

/// One thing to do, about one server or about the machine itself. Carried with an idempotency key: a node does it
/// exactly once per key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Order {
    /// About a server.
    Server(ServerOrder),
    /// About the machine.
    Machine(MachineOrder),
}

/// What may be asked about one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", content = "of", rename_all = "snake_case")]
pub enum ServerOrder {
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

/// What may be asked about the machine. Its words differ from those about servers: both share one form on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order")]
pub enum MachineOrder {
    /// Stop the servers in order and restart the machine.
    #[serde(rename = "restart_machine")]
    Restart,
    /// Stop the servers in order and switch the machine off.
    #[serde(rename = "shut_down_machine")]
    ShutDown,
    /// Let the machine stay up after all and start what was stopped for it, as long as it has not been told to go down.
    #[serde(rename = "keep_machine_up")]
    StayUp,
    /// Let somebody out of the jail of the machine's fail2ban.
    #[serde(rename = "lift_fail2ban")]
    Unjail {
        /// Whom.
        address: JailedAddress,
    },
}

/// The kind of an order, by which a node's own gate refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// [`ServerOrder::Create`].
    Create,
    /// [`ServerOrder::Remove`].
    Remove,
    /// [`ServerOrder::Start`], [`ServerOrder::Stop`] and [`ServerOrder::Restart`].
    Control,
    /// [`ServerOrder::SendLine`].
    Console,
    /// Every [`MachineOrder`] about its being up.
    Power,
    /// [`MachineOrder::Unjail`].
    Bans,
}

impl Order {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> OrderKind {
        match self {
            Self::Server(order) => order.kind(),
            Self::Machine(MachineOrder::Unjail { .. }) => OrderKind::Bans,
            Self::Machine(_) => OrderKind::Power,
        }
    }
}

impl From<ServerOrder> for Order {
    fn from(order: ServerOrder) -> Self {
        Self::Server(order)
    }
}

impl From<MachineOrder> for Order {
    fn from(order: MachineOrder) -> Self {
        Self::Machine(order)
    }
}

impl ServerOrder {
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
    /// The machine has been told to go down; what ran was stopped for it.
    GoesDown {
        /// The servers that were stopped, in this order.
        stopped: Vec<ServerName>,
        /// Those that still ran when the time was over: they end with the machine.
        left: Vec<ServerName>,
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
        let line = ServerOrder::SendLine {
            id,
            line: "say hello".into(),
        };
        let address = "2001:db8::/64".parse().unwrap();
        let orders: [Order; 9] = [
            MachineOrder::Unjail { address }.into(),
            ServerOrder::Remove(id).into(),
            ServerOrder::Start(id).into(),
            ServerOrder::Stop(id).into(),
            ServerOrder::Restart(id).into(),
            line.into(),
            MachineOrder::Restart.into(),
            MachineOrder::ShutDown.into(),
            MachineOrder::StayUp.into(),
        ];
        for order in orders {
            let text = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order, "{text}");
        }
    }
}
