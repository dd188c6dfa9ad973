//! Idempotency keys: a repeated request is answered as the first one was, and done once.
//!
//! The key is stored with the intent, its answer with the outcome. A key whose answer is missing (the
//! Host died in between) is simply ordered again: the node does an order once per key.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, Select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use watchroom_store::{ReadTx, StoreError, WriteTx};

use crate::Acted;

/// How long an answer is kept, in microseconds: 24 hours.
const KEPT_US: i64 = 24 * 60 * 60 * 1_000_000;

mod entity {
    //! The table of keys and answers.
    use sea_orm::entity::prelude::*;

    /// One key of one principal.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub principal: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub fingerprint: String,
        pub response: Option<String>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A client's `Idempotency-Key`: 1 to 128 visible ASCII characters, bound to who sent it and what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    principal: String,
    key: String,
    fingerprint: String,
}

/// A key that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to 128 visible ASCII characters")]
pub struct KeyError;

/// What is known of a key.
pub(crate) enum Recalled {
    /// Nothing: it is new.
    Nothing,
    /// Its request was begun then, in microseconds, and not answered.
    Begun(i64),
    /// Its request was another one.
    Other,
    /// Its answer.
    Answer(Box<Acted>),
}

/// What is known of the key of a change that is one transaction, with its answer in it.
pub(crate) enum Begun<T> {
    /// Nothing: it is new, and stored now.
    New,
    /// The change was made before; this is its answer.
    Before(T),
    /// Its request was another one.
    Other,
}

/// Why an intent was not committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBegun {
    /// Another request with the same key got there first.
    #[error("the idempotency key is known already")]
    Known,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdempotencyKey {
    /// Binds a client's key to who sent it and to the request (method, path and body).
    ///
    /// # Errors
    /// [`KeyError`] if it is empty, too long or not visible ASCII.
    pub fn new(principal: String, key: &str, request: &[u8]) -> Result<Self, KeyError> {
        let is_visible = key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if key.is_empty() || key.len() > 128 || !is_visible {
            return Err(KeyError);
        }
        let fingerprint = blake3::hash(request).to_hex().to_string();
        Ok(Self {
            principal,
            key: key.to_owned(),
            fingerprint,
        })
    }

    /// The key under which the node knows the order that was begun at this time. The time is part of it: once
    /// the node has refused, the client may use its key again, and that is another order.
    pub(crate) fn order_key(&self, begun_us: i64) -> String {
        format!("{}/{}/{begun_us}", self.principal, self.key)
    }

    fn select(&self) -> Select<entity::Entity> {
        entity::Entity::find_by_id((self.principal.clone(), self.key.clone()))
    }

    pub(crate) async fn recall(&self, read: &ReadTx) -> Result<Recalled, StoreError> {
        let Some(row) = read.one(self.select()).await? else {
            return Ok(Recalled::Nothing);
        };
        if row.fingerprint != self.fingerprint {
            return Ok(Recalled::Other);
        }
        let answer = row
            .response
            .and_then(|response| serde_json::from_str(&response).ok());
        Ok(answer.map_or(Recalled::Begun(row.created_at), |acted| {
            Recalled::Answer(Box::new(acted))
        }))
    }

    /// Stores the key with the intent, and drops those that are a day old.
    ///
    /// # Errors
    /// [`NotBegun::Known`] if another request stored it since it was recalled.
    pub(crate) async fn begin(&self, tx: &WriteTx, now_us: i64) -> Result<(), NotBegun> {
        let old = entity::Column::CreatedAt.lt(now_us - KEPT_US);
        tx.delete(entity::Entity::delete_many().filter(old)).await?;
        // The writer runs one change after the other: of two at once the second finds the first.
        if tx.one(self.select()).await?.is_some() {
            return Err(NotBegun::Known);
        }
        let begun = tx.insert(entity::ActiveModel {
            principal: Set(self.principal.clone()),
            key: Set(self.key.clone()),
            fingerprint: Set(self.fingerprint.clone()),
            response: Set(None),
            created_at: Set(now_us),
        });
        Ok(begun.await?)
    }

    /// Begins a change that is one transaction, or finds the answer that was given before. A repeated request
    /// leaves an entry that says so.
    pub(crate) async fn begin_once<T: DeserializeOwned>(
        &self,
        tx: &WriteTx,
        now_us: i64,
    ) -> Result<Begun<T>, StoreError> {
        let Some(row) = tx.one(self.select()).await? else {
            return match self.begin(tx, now_us).await {
                Ok(()) => Ok(Begun::New),
                Err(NotBegun::Known) => Ok(Begun::Other),
                Err(NotBegun::Store(error)) => Err(error),
            };
        };
        let answer = row
            .response
            .and_then(|response| serde_json::from_str(&response).ok());
        tx.note("is_repeated", true);
        Ok(match answer {
            Some(answer) if row.fingerprint == self.fingerprint => Begun::Before(answer),
            _ => Begun::Other,
        })
    }

    /// Stores the answer with the outcome.
    pub(crate) async fn answer<T: Serialize>(&self, tx: &WriteTx, answer: &T) -> Result<(), StoreError> {
        let response =
            serde_json::to_string(answer).map_err(|error| StoreError::Database(error.to_string()))?;
        let update = entity::Entity::update_many().col_expr(entity::Column::Response, Expr::value(response));
        tx.update(self.filtered(update)).await.map(drop)
    }

    /// Forgets the key, because nothing was sent: the client may use it again.
    pub(crate) async fn forget(&self, tx: &WriteTx) -> Result<(), StoreError> {
        tx.delete(self.filtered(entity::Entity::delete_many()))
            .await
            .map(drop)
    }

    fn filtered<Q: QueryFilter>(&self, query: Q) -> Q {
        query
            .filter(entity::Column::Principal.eq(self.principal.clone()))
            .filter(entity::Column::Key.eq(self.key.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let key = |text: &str| IdempotencyKey::new("alice".into(), text, b"");
        assert!(key("3f1c").is_ok());
        for wrong in ["", "with space", "line\nbreak", "é", &"x".repeat(129)] {
            assert_eq!(key(wrong), Err(KeyError), "{wrong:?}");
        }
    }
}
