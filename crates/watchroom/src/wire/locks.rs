//! identity keeps the locks: the gate of the house and the links of nodes follow them.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_fleet::Fleet;
use watchroom_identity::Identity;
use watchroom_kit::{Fault, FaultKind, Tasks};
use watchroom_policy::locked_in_words;
use watchroom_shield::{Passed, RouteClass};
use watchroom_web::{Gate, Problem};

/// How often nodes are held against the locks: each link is cut well within a second.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);

/// Everything is locked.
#[derive(Debug, thiserror::Error)]
#[error("everything is locked until {0}")]
struct Closed(OffsetDateTime);

impl Fault for Closed {
    fn kind(&self) -> FaultKind {
        FaultKind::Locked
    }

    fn slug(&self) -> &'static str {
        "access-locked"
    }

    fn public(&self) -> String {
        locked_in_words(self.0)
    }

    fn members(&self) -> Vec<(&'static str, serde_json::Value)> {
        let until = self.0.format(&Rfc3339).unwrap_or_default();
        vec![("locked_until", until.into())]
    }
}

/// While everything is locked only health is told, and what the page that says so is made of; the Unix socket goes on for
/// root and ourselves.
pub(crate) fn gate(identity: &Identity, own_uid: u32) -> Gate {
    let identity = identity.clone();
    Arc::new(move |passed: &Passed, path: &str| {
        let until = identity.closed_until()?;
        let is_ours = passed
            .process
            .is_some_and(|peer| peer.uid == 0 || peer.uid == own_uid);
        let is_open = is_ours || passed.class == RouteClass::Health || path.starts_with("/assets/");
        (!is_open).then(|| Problem::from(Closed(until)))
    })
}

/// Keeps the nodes in line with the locks until the tasks stop. A lock of everything leaves the Host its own node, which
/// whoever holds the machine needs.
pub(crate) fn follow(identity: &Identity, fleet: &Fleet, tasks: &Tasks) {
    let (identity, fleet) = (identity.clone(), fleet.clone());
    let look = move || {
        let is_closed = identity.closed_until().is_some();
        fleet.lock_nodes(|node| identity.is_node_locked(node.id()) || (is_closed && !node.is_local()));
    };
    // Before anybody is let in.
    look();
    tasks.spawn("hold-nodes-against-locks", async move {
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        loop {
            tick.tick().await;
            look();
        }
    });
}
