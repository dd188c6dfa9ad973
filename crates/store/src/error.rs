//! What can go wrong with the store, as facts that callers can act on.

use std::path::PathBuf;

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::PageError;

/// Why a read or a write did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint of that name is in the way (`node_name_key`).
    #[error("the constraint {constraint} is already taken")]
    Taken {
        /// The constraint's name in the schema.
        constraint: &'static str,
    },
    /// A foreign key of that name points nowhere.
    #[error("the constraint {constraint} points to nothing")]
    Dangling {
        /// The constraint's name in the schema.
        constraint: &'static str,
    },
    /// The disk is full: changes are refused until there is space, reads go on.
    #[error("the database has no space left: {0}")]
    Full(String),
    /// A sync failed: nothing is acknowledged until the database has been reopened and synced.
    #[error("the database failed to sync and is being reopened: {0}")]
    Unsynced(String),
    /// The database cannot be reached: changes and reads are refused until it can.
    #[error("the database is away: {0}")]
    Away(String),
    /// The database went away in the middle of a commit: whether the change was made shows when it is back.
    #[error("the database went away during a commit: {0}")]
    InDoubt(String),
    /// Another replica changed the same rows at the same moment.
    #[error("another replica changed the same at the same moment")]
    Contended,
    /// A write, or a place in the queue for one or for a read, took longer than its deadline.
    #[error("the database took longer than its deadline")]
    Late,
    /// The store is closed or closing.
    #[error("the store is closed")]
    Closed,
    /// Nobody can ask for such a page.
    #[error("the page cannot be given: {0}")]
    Page(#[from] PageError),
    /// Anything else the database said; a defect of ours or damage.
    #[error("the database refused: {0}")]
    Database(String),
}

impl StoreError {
    /// Whether what was to be written may be there all the same: nobody has heard how it ended.
    #[must_use]
    pub const fn leaves_doubt(&self) -> bool {
        matches!(
            self,
            Self::InDoubt(_) | Self::Unsynced(_) | Self::Late | Self::Closed
        )
    }

    /// Whether the connection's word is worth nothing any more, so that a new one must prove itself first.
    pub(crate) fn breaks_connection(&self) -> bool {
        matches!(self, Self::Unsynced(_) | Self::Away(_))
    }

    /// Whether the transaction that met it is lost with all that shared it.
    pub(crate) fn ends_transaction(&self) -> bool {
        self.breaks_connection() || matches!(self, Self::Contended)
    }
}

impl Fault for StoreError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Taken { .. } | Self::Dangling { .. } => FaultKind::Conflict,
            Self::Full(_)
            | Self::Unsynced(_)
            | Self::Away(_)
            | Self::InDoubt(_)
            | Self::Contended
            | Self::Late
            | Self::Closed => FaultKind::Unavailable,
            Self::Page(_) => FaultKind::Invalid,
            Self::Database(_) => FaultKind::Internal,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Taken { .. } | Self::Dangling { .. } => "conflict",
            Self::Full(_) => "store-full",
            Self::InDoubt(_) => "store-in-doubt",
            Self::Unsynced(_) | Self::Away(_) | Self::Contended | Self::Late | Self::Closed => {
                "store-unavailable"
            }
            Self::Page(_) => "invalid-input",
            Self::Database(_) => "internal",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Taken { .. } => "something of that name already exists; choose another name".to_owned(),
            Self::Dangling { .. } => {
                "what this belongs to does not exist any more; load the page again".to_owned()
            }
            Self::Full(_) => {
                "the database has no space left; free some and try again. Nothing was changed".to_owned()
            }
            Self::InDoubt(_) => {
                "the database went away while this was being saved; look whether it was done \
                                 before trying again"
                    .to_owned()
            }
            Self::Contended => {
                "somebody changed the same at the same moment; nothing was changed. Try again".to_owned()
            }
            Self::Unsynced(_) | Self::Away(_) | Self::Late | Self::Closed => {
                "the database is not available; nothing was changed. Try again in a moment".to_owned()
            }
            Self::Page(why) => why.to_string(),
            Self::Database(_) => "something went wrong on our side; the log has the detail".to_owned(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Page(PageError::Limit) => vec![FieldFault::new("limit", "out_of_bounds", "1 to 500")],
            Self::Page(PageError::Cursor) => {
                vec![FieldFault::new(
                    "cursor",
                    "unknown",
                    "the next_cursor of the page before, unchanged",
                )]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        matches!(self.kind(), FaultKind::Unavailable).then_some(5)
    }
}

/// Why the store could not be opened. Each message names the next step.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database was written by a newer Watchroom.
    #[error(
        "the database {database} has schema {found}, this binary knows {known}; run a Watchroom at least as new as the one that wrote it"
    )]
    Newer {
        /// Which.
        database: String,
        /// Its schema's number.
        found: u32,
        /// The newest this binary knows.
        known: u32,
    },
    /// Another Watchroom writes the same chain.
    #[error(
        "the database {database} is open in another process on this state folder or a copy of it; stop that Watchroom first, or give this one a state folder of its own"
    )]
    InUse {
        /// Which.
        database: String,
    },
    /// The key that signs the audit log cannot be used.
    #[error("cannot use the key {}: {why}", path.display())]
    KeyUnusable {
        /// The key's file.
        path: PathBuf,
        /// Why, with the next step.
        why: String,
    },
    /// The system or the database refused.
    #[error("cannot open the database {database}: {why}")]
    Unusable {
        /// Which.
        database: String,
        /// What was said.
        why: String,
    },
}
