//! Decoy tokens: texts that look like API tokens, open nothing, and tell of whoever tries them.
//!
//! One is laid out where only an intruder looks (a backup, a wiki, a build log). To whoever shows it, it is a token
//! like any other that is unknown; those who defend the house hear of it, and the log has an entry.

mod create;
mod list;
mod remove;
mod touch;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use create::{DecoyDraft, DecoyError, IssuedDecoy};
pub use list::DecoyView;
use sea_orm::EntityTrait;
use watchroom_model::DecoyId;
use watchroom_store::StoreError;

use crate::Identity;
use crate::digest::Digest;
use crate::entity::decoy_token;

/// The decoys that are laid out, by their digest.
#[derive(Debug, Default)]
pub(crate) struct Decoys(Mutex<HashMap<Digest, Decoy>>);

#[derive(Clone, Copy, Debug)]
struct Decoy {
    id: DecoyId,
    /// When a touch was last written down.
    told: Option<i64>,
    /// Touches since.
    more: u64,
}

impl Decoys {
    fn book(&self) -> MutexGuard<'_, HashMap<Digest, Decoy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// Takes in what the database says of decoys.
    pub(crate) async fn reread_decoys(&self) -> Result<(), StoreError> {
        let rows = self
            .inner
            .store
            .read()
            .await?
            .all(decoy_token::Entity::find())
            .await?;
        let mut book = self.inner.decoys.book();
        let mut fresh = HashMap::new();
        for row in rows {
            let Some((digest, id)) = Digest::parse(&row.secret_hash).zip(row.id.parse().ok()) else {
                return Err(StoreError::Database("a decoy token cannot be read".to_owned()));
            };
            let known = book.get(&digest).copied();
            let decoy = known.unwrap_or(Decoy {
                id,
                told: None,
                more: 0,
            });
            fresh.insert(digest, decoy);
        }
        *book = fresh;
        Ok(())
    }
}
