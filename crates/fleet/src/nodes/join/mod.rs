//! How machines join: an invitation, a request, six words, a person's yes, and papers handed over once.
//!
//! Tokens and poll secrets are kept as hashes alone. Everything that decides is a row and a condition of
//! the statement that changes it, so that of a thousand who try at once exactly one wins.

mod answer;
mod bounds;
mod decide;
mod fault;
mod invite;
mod list;
mod request;
pub(crate) mod request_entity;
mod rules;
mod token_entity;

use std::collections::BTreeMap;

use watchroom_store::StoreError;

pub use answer::{KeyProof, OwnJoinRequest};
pub use decide::Decided;
pub use fault::JoinError;
pub use invite::{Invitation, JoinTokenView, NewJoinToken};
pub use list::{JoinFilter, JoinRequestView};
pub use rules::JoinRules;

/// How long a request may wait for a person, in microseconds: 24 hours.
const REQUEST_LASTS_US: i64 = 24 * HOUR_US;
/// How long what was decided, or spent, is kept for people to look at, in microseconds: a week.
const KEPT_US: i64 = 7 * 24 * HOUR_US;
const HOUR_US: i64 = 60 * 60 * 1_000_000;

/// What is kept of a secret. All of them carry at least 192 random bits, so a fast hash without salt is enough.
fn digest(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// Compares what is kept with what was shown, in the same time wherever the first difference is.
fn is_same(kept: &str, shown: &str) -> bool {
    blake3::Hash::from_hex(kept).is_ok_and(|kept| kept == blake3::hash(shown.as_bytes()))
}

fn labels(text: &str) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Database(format!("labels cannot be read: {error}")))
}
