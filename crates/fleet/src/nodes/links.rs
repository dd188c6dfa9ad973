//! What is kept of each node's newest link: by it two machines with one key are told apart, and a node that was
//! off for long is let back in, so often and no more.
//!
//! Another agent than the last is written with an entry, durably, before it is let in: who decides later must
//! be able to see when a second machine first came. The number of a dial is upkeep; see
//! [`Upkeep::NodeDialled`] for why its loss opens no door.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use watchroom_model::{NodeId, NodeStatus};
use watchroom_policy::{HouseAct, Permit, Target, act};
use watchroom_store::{Changed, ReadTx, StoreError, Upkeep, WriteTx};

use super::Node;
use crate::{Fleet, NodeView};

/// The last part of a certificate's life, in which it is renewed: a third of a day.
const RENEWED_WITHIN: Duration = Duration::hours(8);

pub(crate) mod entity {
    //! The table of newest links.

    use sea_orm::entity::prelude::*;

    /// What is kept of one node.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "node_links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub node: String,
        pub agent: String,
        pub epoch: i64,
        pub fence: Option<String>,
        pub returns: i64,
        pub authority: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What is kept of a node's newest link, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The process that dialled last, and the number of its dial.
    newest: Option<(Uuid, u64)>,
    /// Why the node is turned away until a person decides.
    pub(crate) fence: Option<String>,
    /// How often it has come back with an expired certificate since a person decided last.
    pub(super) returns: u32,
    /// The fingerprint of the CA that made its certificate.
    pub(super) authority: Option<String>,
}

impl Kept {
    fn from_row(row: &entity::Model) -> Self {
        let agent = Uuid::try_parse(&row.agent).ok();
        Self {
            newest: agent.map(|agent| (agent, u64::try_from(row.epoch).unwrap_or(0))),
            fence: row.fence.clone(),
            returns: u32::try_from(row.returns).unwrap_or(u32::MAX),
            authority: row.authority.clone(),
        }
    }
}

/// A time in which this Host did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away {
    from: OffsetDateTime,
    to: OffsetDateTime,
}

impl Away {
    /// Before this start: since the last heartbeat that anybody has written down.
    pub(crate) fn before(start: OffsetDateTime, nodes: &BTreeMap<NodeId, Arc<Node>>) -> Option<Self> {
        let last = nodes.values().filter_map(|node| node.record().last_ping).max()?;
        (last < start).then_some(Self {
            from: last,
            to: start,
        })
    }

    fn overlap(self, from: OffsetDateTime, to: OffsetDateTime) -> Duration {
        (self.to.min(to) - self.from.max(from)).max(Duration::ZERO)
    }
}

/// Whether a return at `now` is held against a node. While the Host was away it could not renew: that time is
/// added to the life of its certificate.
pub(super) fn is_counted(expired_at: OffsetDateTime, now: OffsetDateTime, away: Option<Away>) -> bool {
    let due = expired_at - RENEWED_WITHIN;
    let excused = away.map_or(Duration::ZERO, |away| away.overlap(due, now));
    expired_at + excused < now
}

pub(crate) async fn load(read: &ReadTx, nodes: &BTreeMap<NodeId, Arc<Node>>) -> Result<(), StoreError> {
    for row in read.all(entity::Entity::find()).await? {
        let node = row.node.parse().ok().and_then(|id: NodeId| nodes.get(&id));
        if let Some(node) = node {
            node.live().kept = Kept::from_row(&row);
        }
    }
    Ok(())
}

/// Reads what another Host may have written.
pub(crate) async fn reload(read: &ReadTx, node: &Node) -> Result<(), StoreError> {
    let row = read
        .one(entity::Entity::find_by_id(node.id().to_string()))
        .await?;
    let Some(row) = row else {
        // Nobody has come yet, or another machine was given the place of the one that had.
        node.live().kept = Kept::default();
        return Ok(());
    };
    let mut live = node.live();
    let before = live.kept.newest;
    live.kept = Kept::from_row(&row);
    // The number in memory runs ahead of its upkeep.
    if let (Some((before, ahead)), Some((agent, epoch))) = (before, &mut live.kept.newest)
        && before == *agent
    {
        *epoch = ahead.max(*epoch);
    }
    Ok(())
}

impl Fleet {
    /// The newest agent of a node that any Host has let in, and the number of its newest dial.
    #[must_use]
    pub fn newest_dial(&self, id: NodeId) -> Option<(Uuid, u64)> {
        self.known_node(id)?.live().kept.newest
    }

    /// Keeps the newest dial of a node that is let in.
    ///
    /// # Errors
    /// [`StoreError`] if another agent than the last could not be written down; it is then not let in.
    pub async fn keep_dial(&self, id: NodeId, agent: Uuid, epoch: u64) -> Result<(), StoreError> {
        let Some(node) = self.known_node(id) else {
            return Ok(());
        };
        let number = i64::try_from(epoch).unwrap_or(i64::MAX);
        let before = node.live().kept.newest;
        if before.is_some_and(|(known, _)| known == agent) {
            let known = before.map_or(0, |(_, known)| known);
            node.live().kept.newest = Some((agent, epoch.max(known)));
            self.store().upkeep(Upkeep::NodeDialled(id, number));
            return Ok(());
        }
        self.store()
            .write(&self.house::<act::KeepHouse>(&node), async move |tx| {
                put(tx, id, |row| {
                    row.agent = Set(agent.to_string());
                    row.epoch = Set(number);
                })
                .await?;
                tx.note("what", "let in another process of the node's agent");
                tx.note("agent", agent.to_string());
                tx.note("dial", number);
                tx.changed(Changed::Node(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        node.live().kept.newest = Some((agent, epoch));
        Ok(())
    }

    /// Why a node is fenced, if it is.
    #[must_use]
    pub fn fence_of(&self, id: NodeId) -> Option<String> {
        self.known_node(id)?.live().kept.fence.clone()
    }

    /// Turns a node away, whoever comes with its key, until a person decides. It holds at once, even if it
    /// cannot be written down.
    ///
    /// # Errors
    /// [`StoreError`]: then it holds until this Host stops.
    pub async fn fence(&self, id: NodeId, why: &str) -> Result<(), StoreError> {
        let Some(node) = self.known_node(id) else {
            return Ok(());
        };
        node.live().kept.fence = Some(why.to_owned());
        let told = why.to_owned();
        let written = self
            .store()
            .write(&self.house::<act::FenceNode>(&node), async move |tx| {
                let why = told.clone();
                put(tx, id, move |row| row.fence = Set(Some(why))).await?;
                tx.note("why", told.clone());
                tx.changed(Changed::Node(id));
                Ok(())
            })
            .await;
        self.announce(&node);
        written
    }

    /// Lets a fenced node back in: whoever of the two dials next is it. Returns the node as it is then.
    ///
    /// # Errors
    /// [`StoreError`]; the node then stays fenced.
    pub async fn unfence(
        &self,
        permit: &Permit<act::UnfenceNode>,
        node: &Node,
    ) -> Result<NodeView, StoreError> {
        let id = node.id();
        let before = node.live().kept.fence.clone();
        self.store()
            .write(permit, async move |tx| {
                put(tx, id, |row| {
                    row.agent = Set(String::new());
                    row.epoch = Set(0);
                    row.fence = Set(None);
                    row.returns = Set(0);
                })
                .await?;
                tx.note("before", before.clone());
                tx.changed(Changed::Node(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        {
            let mut live = node.live();
            live.kept.newest = None;
            live.kept.fence = None;
            live.kept.returns = 0;
        }
        self.announce(node);
        Ok(self.view_node(node))
    }

    /// Whether a node whose certificate ended then may come back to renew it by itself.
    #[must_use]
    pub fn may_return(&self, id: NodeId, expired_at: OffsetDateTime) -> bool {
        let Some(node) = self.known_node(id) else {
            return false;
        };
        let is_free = !is_counted(expired_at, self.ambient().now(), self.away());
        is_free || node.live().kept.returns < self.liveness().returns
    }

    /// A node has shown a certificate by the CA with this fingerprint.
    pub fn saw_certificate_by(&self, id: NodeId, authority: String) {
        if let Some(node) = self.known_node(id) {
            node.live().kept.authority = Some(authority);
        }
    }

    /// The nodes that belong and whose certificate is not by the CA with this fingerprint.
    #[must_use]
    pub fn certified_by_others(&self, authority: &str) -> Vec<NodeId> {
        let nodes = self.known_nodes();
        let others = nodes.values().filter(|node| {
            node.admitted().is_ok() && node.live().kept.authority.as_deref() != Some(authority)
        });
        others.map(|node| node.id()).collect()
    }

    pub(super) fn house<A: HouseAct>(&self, node: &Node) -> Permit<A> {
        Permit::of_house(&node.resource(), self.decision())
    }
}

/// Changes what is kept of a node, and keeps it from now on if nothing was.
pub(super) async fn put(
    tx: &WriteTx,
    id: NodeId,
    change: impl FnOnce(&mut entity::ActiveModel),
) -> Result<(), StoreError> {
    let found = tx.one(entity::Entity::find_by_id(id.to_string())).await?;
    let mut row = entity::ActiveModel {
        node: Set(id.to_string()),
        agent: Set(found.as_ref().map_or_else(String::new, |row| row.agent.clone())),
        epoch: Set(found.as_ref().map_or(0, |row| row.epoch)),
        fence: Set(found.as_ref().and_then(|row| row.fence.clone())),
        returns: Set(found.as_ref().map_or(0, |row| row.returns)),
        authority: Set(found.as_ref().and_then(|row| row.authority.clone())),
    };
    change(&mut row);
    if found.is_none() {
        return tx.insert(row).await;
    }
    let update = entity::Entity::update_many()
        .set(row)
        .filter(entity::Column::Node.eq(id.to_string()));
    tx.update(update).await.map(drop)
}

/// Whether a fence stands in the place of what the heartbeats say.
pub(super) const fn fenced(kept: &Kept) -> Option<NodeStatus> {
    match kept.fence {
        Some(_) => Some(NodeStatus::Locked),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn away(from_h: i64, to_h: i64) -> Option<Away> {
        Some(Away {
            from: NOON + Duration::hours(from_h),
            to: NOON + Duration::hours(to_h),
        })
    }

    #[test]
    fn the_time_in_which_the_host_was_away_is_not_held_against_a_node() {
        let counts = |back_h, away| is_counted(NOON, NOON + Duration::hours(back_h), away);
        assert!(counts(1, None));
        // The Host went before the renewal was due and came back a day later; the node is there at once.
        assert!(!counts(24, away(-9, 24)));
        // The node itself stayed away for two days more.
        assert!(counts(72, away(-9, 24)));
        // What was before the renewal was due does not excuse what came after.
        assert!(counts(1, away(-48, -9)));
    }

    proptest! {
        #[test]
        fn an_absence_excuses_no_more_than_itself(from in -100i64..100, long in 0i64..100, back in 1i64..300) {
            let now = NOON + Duration::hours(back);
            let is_free = !is_counted(NOON, now, away(from, from + long));
            prop_assert!(!is_free || back <= long);
        }
    }
}
