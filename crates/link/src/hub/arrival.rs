//! Who stands at the door, and which of two agents with one key came first.

use std::net::SocketAddr;

use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_model::NodeId;
use watchroom_trust::{Fingerprint, Peer};

use crate::NodeHello;

/// A node as TLS has proven it, on a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Which node.
    pub node: NodeId,
    /// The fingerprint of its key.
    pub key: Fingerprint,
    /// When its certificate expired, if it has: it is then let in to renew it and for nothing else.
    pub expired_at: Option<OffsetDateTime>,
    /// Whether its certificate is by the CA that signs now.
    pub has_moved: bool,
    /// From where it dialled.
    pub address: SocketAddr,
}

impl Arrival {
    /// What a certificate has proven of a connection from `address`.
    #[must_use]
    pub fn new(proven: &Peer, address: SocketAddr) -> Self {
        Self {
            node: NodeId::from(proven.node),
            key: proven.key,
            expired_at: proven.expired_at,
            has_moved: proven.has_moved,
            address,
        }
    }
}

/// One dial of one agent: what the Host keeps of a node's newest link.
///
/// The epoch is kept on the node's disk and raised before each dial; the agent is one running process. A copy
/// of a disk brings the same epochs, and never the same agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Which process.
    pub agent: Uuid,
    /// The number of its dial.
    pub epoch: u64,
}

impl From<&NodeHello> for Passage {
    fn from(hello: &NodeHello) -> Self {
        Self {
            agent: hello.agent,
            epoch: hello.epoch,
        }
    }
}

/// What a new passage is to the newest one known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Of the same agent: it may always come again.
    SameAgent,
    /// Of another agent that has read a later disk: the machine was started anew, or it is a copy.
    Later,
    /// Of another agent whose disk is older than what was seen: it is a copy, or a backup was put back.
    Older,
}

impl Passage {
    pub(crate) fn after(&self, newest: Option<&Self>) -> Order {
        match newest {
            Some(newest) if newest.agent == self.agent => Order::SameAgent,
            Some(newest) if newest.epoch >= self.epoch => Order::Older,
            _ => Order::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn machine(disk: u64, agent: u128) -> Passage {
        Passage {
            agent: Uuid::from_u128(agent),
            epoch: disk,
        }
    }

    #[test]
    fn a_first_link_comes_after_nothing() {
        assert_eq!(machine(1, 1).after(None), Order::Later);
    }

    proptest! {
        /// One machine restarts as it likes, its dials in any number; then the copy of an earlier state dials.
        #[test]
        fn a_machine_is_never_older_than_itself_and_its_copy_is_once_it_was_left_behind(
            dials in prop::collection::vec(1..4u64, 1..8),
            copied_at in any::<prop::sample::Index>(),
        ) {
            let (mut disk, mut newest, mut disks) = (0, None, vec![0]);
            for (agent, dials) in (1..).zip(&dials) {
                for dial in 0..*dials {
                    disk += 1;
                    let passage = machine(disk, agent);
                    let expected = if dial == 0 { Order::Later } else { Order::SameAgent };
                    prop_assert_eq!(passage.after(newest.as_ref()), expected);
                    newest = Some(passage);
                    disks.push(disk);
                }
            }
            let copied = disks[copied_at.index(disks.len())];
            let copy = machine(copied + 1, 999);
            let is_left_behind = copied < disk;
            prop_assert_eq!(copy.after(newest.as_ref()) == Order::Older, is_left_behind);
        }
    }
}
