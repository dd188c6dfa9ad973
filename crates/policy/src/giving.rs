//! What somebody may give to others: never more than they hold themselves, where they give it.

use crate::{PermissionSet, Principal, Scope, Who};

/// All that the principal holds at a scope: what was given there, or everywhere. Root on the Unix socket holds all.
#[must_use]
pub fn held_at(principal: &Principal, scope: &Scope) -> PermissionSet {
    if matches!(principal.who, Who::Local { .. }) {
        return PermissionSet::ALL;
    }
    let reaching = principal
        .grants
        .iter()
        .filter(|grant| grant.scope == Scope::Everything || grant.scope == *scope);
    let held = reaching.fold(PermissionSet::NONE, |held, grant| {
        held.union(grant.role.permissions)
    });
    principal
        .ceiling
        .map_or(held, |ceiling| held.intersection(ceiling))
}

/// Whether the principal may give these permissions at this scope, or take them away there.
#[must_use]
pub fn may_give(principal: &Principal, permissions: PermissionSet, scope: &Scope) -> bool {
    held_at(principal, scope).covers(permissions)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;
    use time::OffsetDateTime;
    use watchroom_model::{NodeId, ServerId, UserId};

    use super::*;
    use crate::{Grant, PERMISSIONS, Proof, Resource, ResourceKind, Role, reach};

    fn id(byte: u8) -> uuid::Uuid {
        uuid::Uuid::from_bytes([byte; 16])
    }

    /// A small world: two nodes, of which the first is in the north, and a server on each.
    fn things() -> Vec<Resource> {
        let north: Arc<BTreeMap<String, String>> = Arc::new([("site".to_owned(), "north".to_owned())].into());
        let (one, two) = (NodeId::from(id(1)), NodeId::from(id(2)));
        vec![
            Resource::all(ResourceKind::User),
            Resource::node(one, Arc::clone(&north)),
            Resource::node(two, Arc::default()),
            Resource::server(ServerId::from(id(3)), one, north),
            Resource::server(ServerId::from(id(4)), two, Arc::default()),
        ]
    }

    fn scope(number: usize) -> Scope {
        match number {
            0 => Scope::Everything,
            1 => Scope::Node(NodeId::from(id(1))),
            2 => Scope::Node(NodeId::from(id(2))),
            3 => Scope::NodeLabel {
                key: "site".to_owned(),
                value: "north".to_owned(),
            },
            4 => Scope::Server(ServerId::from(id(3))),
            _ => Scope::Server(ServerId::from(id(4))),
        }
    }

    fn set(bits: u64) -> PermissionSet {
        let names = PERMISSIONS
            .iter()
            .enumerate()
            .filter(|(row, _)| bits >> row & 1 == 1);
        PermissionSet::parse(names.map(|(_, (name, _))| *name)).unwrap()
    }

    fn person(grants: &[(u64, usize)], ceiling: Option<u64>) -> Principal {
        let grant = |(bits, at): &(u64, usize)| Grant {
            role: Arc::new(Role {
                name: "some".to_owned(),
                permissions: set(*bits),
                per_minute: 1,
            }),
            scope: scope(*at),
            source: "directly".into(),
        };
        Principal {
            who: Who::User {
                id: UserId::from(id(9)),
                name: "vera".parse().unwrap(),
            },
            grants: grants.iter().map(grant).collect(),
            ceiling: ceiling.map(set),
            proof: Proof {
                fresh_at: Some(OffsetDateTime::UNIX_EPOCH),
                ..Proof::default()
            },
            locked_until: None,
        }
    }

    /// All that somebody may do to a thing.
    fn may(who: &Principal, thing: &Resource) -> PermissionSet {
        let all = PermissionSet::ALL.iter();
        let held: Vec<_> = all
            .filter(|permission| reach(who, *permission).covers(thing))
            .collect();
        PermissionSet::of(&held)
    }

    proptest! {
        /// Whatever somebody gives, whoever gets it can do nothing to anything that the giver could not.
        #[test]
        fn nobody_gives_more_than_they_hold(
            held in prop::collection::vec((any::<u64>(), 0..6_usize), 0..4),
            ceiling in prop::option::of(any::<u64>()),
            given in any::<u64>(),
            narrow in any::<u64>(),
            at in 0..6_usize,
        ) {
            let giver = person(&held, ceiling);
            // Mostly what could be allowed: a part of what is held.
            let part = held.iter().fold(0, |all, (bits, _)| all | bits) & narrow;
            for given in [given, part] {
                if may_give(&giver, set(given), &scope(at)) {
                    let taker = person(&[(given, at)], None);
                    for thing in things() {
                        prop_assert!(may(&giver, &thing).covers(may(&taker, &thing)), "{thing}");
                    }
                }
            }
        }

        /// Two who give to each other never come to more than the first held.
        #[test]
        fn nothing_grows_by_being_handed_on(
            held in prop::collection::vec((any::<u64>(), 0..6_usize), 1..4),
            hands in prop::collection::vec((any::<u64>(), 0..6_usize), 1..6),
        ) {
            let first = person(&held, None);
            let mut holder = first.clone();
            for (bits, at) in hands {
                let given = bits & held.iter().fold(0, |all, (bits, _)| all | bits);
                if may_give(&holder, set(given), &scope(at)) {
                    holder = person(&[(given, at)], None);
                    for thing in things() {
                        prop_assert!(may(&first, &thing).covers(may(&holder, &thing)));
                    }
                }
            }
        }
    }

    #[test]
    fn who_holds_a_role_on_one_node_gives_it_there_and_nowhere_else() {
        let giver = person(&[(0b111, 1)], None);
        assert!(may_give(&giver, set(0b101), &scope(1)));
        for at in [0, 2, 3, 4] {
            assert!(!may_give(&giver, set(0b101), &scope(at)), "{at}");
        }
        assert!(may_give(
            &Principal::local("root"),
            PermissionSet::ALL,
            &Scope::Everything
        ));
    }
}
