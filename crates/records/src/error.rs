//! Why the log could not be read.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_store::StoreError;

/// Why the log could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecordsError {
    /// A field of the filter cannot be what it says.
    #[error("{field}: {rule}")]
    Filter {
        /// Which.
        field: &'static str,
        /// What it may be.
        rule: &'static str,
    },
    /// The store cannot be read, or the reading cannot be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for RecordsError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Filter { .. } => FaultKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Filter { .. } => "invalid-input",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Filter { .. } => self.to_string(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Filter { field, rule } => vec![FieldFault::new(*field, "invalid", *rule)],
            Self::Store(error) => error.fields(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Filter { .. } => None,
            Self::Store(error) => error.retry_after_s(),
        }
    }
}
