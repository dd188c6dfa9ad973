//! How many consoles may be open at once: each is a call on the one link that its node's orders need too.

use watchroom_kit::{Seat, Seats};
use watchroom_model::{NodeId, UserId};
use watchroom_policy::Principal;

/// Most consoles that one person follows at once, by browser and tokens together: a wall of screens, no more.
const MOST_PER_PERSON: usize = 16;
/// Most consoles that are followed on one node at once: a small part of the calls that its link carries.
const MOST_PER_NODE: usize = 128;

/// Whose viewers are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// The person's own.
    Person,
    /// Everybody's on this node.
    Node,
}

impl Crowd {
    /// The most that may be.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            Self::Person => MOST_PER_PERSON,
            Self::Node => MOST_PER_NODE,
        }
    }
}

/// Who views consoles now.
#[derive(Debug, Default)]
pub(crate) struct Viewers {
    people: Seats<UserId>,
    nodes: Seats<NodeId>,
}

/// One viewer's place, free again when dropped.
#[derive(Debug)]
pub(crate) struct Viewing {
    _person: Option<Seat<UserId>>,
    _node: Option<Seat<NodeId>>,
}

impl Viewers {
    /// A place for one more viewer. The owner of the machine, on the Unix socket, has one always: it is the
    /// way in that is left when others have taken every place.
    pub(crate) fn admit(&self, principal: &Principal, node: NodeId) -> Result<Viewing, Crowd> {
        let Some(person) = principal.user() else {
            return Ok(Viewing {
                _person: None,
                _node: None,
            });
        };
        let person = self.people.take(person, MOST_PER_PERSON).ok_or(Crowd::Person)?;
        let node = self.nodes.take(node, MOST_PER_NODE).ok_or(Crowd::Node)?;
        Ok(Viewing {
            _person: Some(person),
            _node: Some(node),
        })
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::Ambient;
    use watchroom_policy::Who;

    use super::*;

    fn person(ambient: &Ambient) -> Principal {
        Principal {
            who: Who::User {
                id: UserId::mint(ambient),
                name: "vera".parse().unwrap(),
            },
            ..Principal::stranger()
        }
    }

    #[test]
    fn neither_one_person_nor_all_together_take_a_node_from_the_others() {
        let ambient = Ambient::system();
        let viewers = Viewers::default();
        let node = NodeId::mint(&ambient);
        let vera = person(&ambient);
        let mut held: Vec<_> = (0..MOST_PER_PERSON)
            .map(|_| viewers.admit(&vera, node).unwrap())
            .collect();
        assert_eq!(viewers.admit(&vera, node).unwrap_err(), Crowd::Person);
        let elsewhere = NodeId::mint(&ambient);
        assert_eq!(viewers.admit(&vera, elsewhere).unwrap_err(), Crowd::Person);

        while held.len() < MOST_PER_NODE {
            let other = person(&ambient);
            held.push(viewers.admit(&other, node).unwrap());
        }
        let late = person(&ambient);
        assert_eq!(viewers.admit(&late, node).unwrap_err(), Crowd::Node);
        assert!(viewers.admit(&late, elsewhere).is_ok());
        assert!(viewers.admit(&Principal::local("root"), node).is_ok());
        // Who was refused for the node's sake holds none of their own places.
        held.pop();
        assert!(viewers.admit(&late, node).is_ok());
    }
}
