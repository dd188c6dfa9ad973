//! The seam between the store and its two engines. Above it nobody knows which one there is; below it
//! nobody knows what a permit, an entry or a domain is.
//!
//! A [`Connection`] belongs to one thread and blocks it: the writer, the readers and the thread of the audit
//! files each own theirs. That is SQLite's nature, and for PostgreSQL it costs nothing, since a group of
//! changes is one conversation anyway.

use std::fmt;
use std::rc::Rc;

use sea_orm::{DbBackend, Statement};
use tokio::sync::oneshot;
use watchroom_kit::{Ambient, Tasks};

use crate::rows::{Cell, Rows};
use crate::schema::Engine;
use crate::{Changed, OpenError, StoreError};

impl Engine {
    /// In which dialect sea-orm writes statements for it.
    pub(crate) fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }
}

/// One database, which opens connections to itself. Made by taking whatever keeps others from writing our
/// chain.
pub(crate) trait Database: fmt::Debug + Send + Sync {
    /// Which engine it is.
    fn engine(&self) -> Engine;

    /// What it is called in messages: a path, or a server and a name.
    fn place(&self) -> String;

    /// Brings the schema up to date, finds out which chain is ours, and opens the connection that writes it.
    fn prepare(&self, ambient: &Ambient) -> Result<Prepared, OpenError>;

    /// A new connection that writes, where the old one broke.
    fn open_writer(&self) -> Result<Rc<dyn Connection>, StoreError>;

    /// A connection that only reads.
    fn open_reader(&self) -> Result<Box<dyn Connection>, StoreError>;

    /// Clears out of the files what was removed from the tables, as far as they are ours; whether that could be done now.
    fn clear(&self, _writer: &dyn Connection) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Leaves what the connection wrote as the next start would like to find it, and lets others write our chain.
    fn settle(&self, _writer: &dyn Connection) {}

    /// Follows what other replicas change, until the tasks stop; tells when nothing is missed any more.
    fn follow(&self, _heard: Heard, _tasks: &Tasks) -> Option<oneshot::Receiver<()>> {
        None
    }
}

/// What is known once a database is ready.
pub(crate) struct Prepared {
    /// The name of our chain.
    pub(crate) chain: String,
    /// The connection that writes.
    pub(crate) writer: Rc<dyn Connection>,
}

/// Takes what another replica has changed.
pub(crate) type Heard = Box<dyn Fn(Changed) + Send + Sync>;

/// How the changes of a group share their transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Rows are gathered and sent together. One bad row spoils the whole, and nobody can say whose it was.
    Together,
    /// Each row at once and each change under a savepoint of its own, so that each is told its own trouble.
    Apart,
}

/// One connection, used by one thread.
pub(crate) trait Connection {
    /// Which engine it speaks to.
    fn engine(&self) -> Engine;

    /// The paces at which it commits groups, to be tried in this order.
    fn paces(&self) -> &'static [Pace];

    /// Runs a select.
    fn query(&self, statement: Statement) -> Result<Rows, StoreError>;

    /// Runs an update or a delete; how many rows that were. A refused statement leaves the transaction as it
    /// was, unless the error says otherwise ([`StoreError::ends_transaction`]).
    fn execute(&self, statement: Statement) -> Result<u64, StoreError>;

    /// Inserts one row: at once, or before anything that could miss it.
    fn insert(&self, row: Row) -> Result<(), StoreError>;

    /// Begins a transaction that writes.
    fn begin(&self, pace: Pace) -> Result<(), StoreError>;

    /// Begins a view that only reads and sees what is committed by its first select.
    fn begin_view(&self) -> Result<(), StoreError>;

    /// Tells other replicas what changed, if the transaction commits.
    fn announce(&self, changed: &[Changed]) -> Result<(), StoreError>;

    /// Commits, and returns once it is durable.
    fn commit(&self) -> Result<(), StoreError>;

    /// Undoes the whole transaction or ends the view.
    fn roll_back(&self) -> Result<(), StoreError>;

    /// Marks a place to go back to. Marks do not nest.
    fn mark(&self) -> Result<(), StoreError>;

    /// Forgets the mark and keeps what came after it.
    fn keep(&self) -> Result<(), StoreError>;

    /// Undoes what came after the mark, and forgets it.
    fn go_back(&self) -> Result<(), StoreError>;

    /// Whether a transaction is open and can still be committed.
    fn is_in_transaction(&self) -> bool;

    /// The connection as SQLite's own, for tests that make real failures with it.
    #[cfg(test)]
    fn as_sqlite(&self) -> Option<&rusqlite::Connection> {
        None
    }
}

/// One row on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) table: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) cells: Vec<Cell>,
}
