//! Why a ban was not made, confirmed or lifted.

use serde_json::Value;
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_store::StoreError;

/// Why a ban was not made, confirmed or lifted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BanError {
    /// There is none such, or it has been lifted or is over.
    #[error("there is no such ban")]
    NotFound,
    /// It waits for nobody.
    #[error("the ban is not held")]
    NotHeld,
    /// A field cannot be what it says.
    #[error("{field}: {rule}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What it may be.
        rule: &'static str,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for BanError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NotHeld => FaultKind::Conflict,
            Self::Invalid { .. } => FaultKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NotHeld => "ban-not-held",
            Self::Invalid { .. } => "invalid-input",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such ban, or it has been lifted or is over".to_owned(),
            Self::NotHeld => "this ban waits for nobody; it holds already".to_owned(),
            Self::Invalid { .. } => self.to_string(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Invalid { field, rule } => vec![FieldFault::new(*field, "invalid", *rule)],
            Self::Store(error) => error.fields(),
            Self::NotFound | Self::NotHeld => Vec::new(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
