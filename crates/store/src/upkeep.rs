//! Upkeep: the closed list of columns that are written without a permit and without an entry.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use watchroom_model::{GuessId, LetterId, NodeId, SessionId, TokenId};

use crate::StoreError;
use crate::chain::built;
use crate::engine::Connection;

/// One bit of bookkeeping that nobody ordered. Batched with whatever else is being committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// When a session was last used (`sessions.last_seen`, microseconds).
    SessionSeen(SessionId, i64),
    /// When a token was last used (`tokens.last_used`, microseconds).
    TokenUsed(TokenId, i64),
    /// When a node last sent a heartbeat (`nodes.last_ping`, microseconds).
    NodePing(NodeId, i64),
    /// The number of a node's newest dial (`node_links.epoch`). It is lost with the machine, and so are all links:
    /// every node then dials again with a higher number, so that nothing older gets in by the gap.
    NodeDialled(NodeId, i64),
    /// That a guess at a password was right, and costs nothing (`guesses.right_at`, microseconds). If it is lost,
    /// somebody has one try less for an hour.
    GuessRight(GuessId, i64),
    /// When a letter was last refused for now (`letters.tried_at`, microseconds). If it is lost, it is tried sooner.
    LetterTried(LetterId, i64),
}

/// Which row and column an item writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    Session(SessionId),
    Token(TokenId),
    Node(NodeId),
    NodeLink(NodeId),
    Guess(GuessId),
    Letter(LetterId),
}

impl Upkeep {
    fn parts(self) -> (Spot, i64) {
        match self {
            Self::SessionSeen(id, at) => (Spot::Session(id), at),
            Self::TokenUsed(id, at) => (Spot::Token(id), at),
            Self::NodePing(id, at) => (Spot::Node(id), at),
            Self::NodeDialled(id, epoch) => (Spot::NodeLink(id), epoch),
            Self::GuessRight(id, at) => (Spot::Guess(id), at),
            Self::LetterTried(id, at) => (Spot::Letter(id), at),
        }
    }
}

impl Spot {
    /// The table, the column, the key's column, and the row's key.
    fn place(self) -> (&'static str, &'static str, &'static str, String) {
        match self {
            Self::Session(id) => ("sessions", "last_seen", "id", id.to_string()),
            Self::Token(id) => ("tokens", "last_used", "id", id.to_string()),
            Self::Node(id) => ("nodes", "last_ping", "id", id.to_string()),
            Self::NodeLink(id) => ("node_links", "epoch", "node", id.to_string()),
            Self::Guess(id) => ("guesses", "right_at", "id", id.to_string()),
            Self::Letter(id) => ("letters", "tried_at", "id", id.to_string()),
        }
    }
}

/// Upkeep that waits for a commit; a later item for the same row replaces the earlier one.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<BTreeMap<Spot, i64>>);

/// Upkeep on its way into a commit.
pub(crate) struct Taken(BTreeMap<Spot, i64>);

impl Pending {
    pub(crate) fn add(&self, item: Upkeep) {
        let (spot, at) = item.parts();
        put(&mut self.lock(), spot, at);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn take(&self) -> Taken {
        Taken(std::mem::take(&mut *self.lock()))
    }

    /// Puts back what did not get into a commit.
    pub(crate) fn restore(&self, taken: Taken) {
        let mut pending = self.lock();
        for (spot, at) in taken.0 {
            put(&mut pending, spot, at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Spot, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(pending: &mut BTreeMap<Spot, i64>, spot: Spot, at: i64) {
    let known = pending.entry(spot).or_insert(at);
    *known = Ord::max(at, *known);
}

impl Taken {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Times and numbers only move forward, whatever the order in which they arrive. Rows are taken in order, so that two
    /// replicas never wait for each other.
    pub(crate) fn write(&self, conn: &dyn Connection) -> Result<(), StoreError> {
        for (spot, at) in &self.0 {
            let (table, column, key, id) = spot.place();
            let mut update = Query::update();
            update
                .table(table)
                .value(column, *at)
                .and_where(Expr::col(key).eq(id))
                .and_where(Expr::col(column).is_null().or(Expr::col(column).lt(*at)));
            conn.execute(built(conn, &update))?;
        }
        Ok(())
    }
}
