//! Upkeep: the closed list of columns that are written without a permit and without an entry.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use watchroom_model::{NodeId, SessionId, TokenId};

/// One bit of bookkeeping that nobody ordered. Batched with whatever else is being committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// When a session was last used (`sessions.last_seen`, microseconds).
    SessionSeen(SessionId, i64),
    /// When a token was last used (`tokens.last_used`, microseconds).
    TokenUsed(TokenId, i64),
    /// When a node last sent a heartbeat (`nodes.last_ping`, microseconds).
    NodePing(NodeId, i64),
}

/// Which row and column an item writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Spot {
    Session(SessionId),
    Token(TokenId),
    Node(NodeId),
}

impl Upkeep {
    fn parts(self) -> (Spot, i64) {
        match self {
            Self::SessionSeen(id, at) => (Spot::Session(id), at),
            Self::TokenUsed(id, at) => (Spot::Token(id), at),
            Self::NodePing(id, at) => (Spot::Node(id), at),
        }
    }
}

impl Spot {
    /// The statement and the id. Times only move forward, whatever the order in which they arrive.
    fn statement(self) -> (&'static str, String) {
        match self {
            Self::Session(id) => (
                "UPDATE sessions SET last_seen = ?2 WHERE id = ?1 AND last_seen < ?2",
                id.to_string(),
            ),
            Self::Token(id) => (
                "UPDATE tokens SET last_used = ?2 WHERE id = ?1 AND (last_used IS NULL OR last_used < ?2)",
                id.to_string(),
            ),
            Self::Node(id) => (
                "UPDATE nodes SET last_ping = ?2 WHERE id = ?1 AND (last_ping IS NULL OR last_ping < ?2)",
                id.to_string(),
            ),
        }
    }
}

/// Upkeep that waits for a commit; a later item for the same row replaces the earlier one.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<HashMap<Spot, i64>>);

/// Upkeep on its way into a commit.
pub(crate) struct Taken(HashMap<Spot, i64>);

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

    fn lock(&self) -> MutexGuard<'_, HashMap<Spot, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(pending: &mut HashMap<Spot, i64>, spot: Spot, at: i64) {
    let known = pending.entry(spot).or_insert(at);
    *known = at.max(*known);
}

impl Taken {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        for (spot, at) in &self.0 {
            let (sql, id) = spot.statement();
            conn.prepare_cached(sql)?.execute((id, at))?;
        }
        Ok(())
    }
}
