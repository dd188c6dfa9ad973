//! The keys under which seeds lie sealed: which one seals now, and sealing everything anew under another.

use std::collections::{BTreeSet, HashMap};

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::UserId;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use super::error::FactorError;
use super::seed_place;
use crate::entity::{sealing_key, totp_factor};
use crate::{Identity, stamp};

/// The key that seals before anybody has rotated; its row is made by nobody.
const FIRST: &str = "first";

/// Everything sealed is sealed under another key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyRotation {
    /// The name of the key that seals now.
    pub key: String,
    /// How many secrets were sealed anew.
    pub resealed: usize,
}

/// The keys in the order in which each took the place of the one before, with the times at which they were made.
pub(crate) fn in_order(all: &[sealing_key::Model]) -> Vec<(String, i64)> {
    let next: HashMap<&str, &sealing_key::Model> =
        all.iter().map(|row| (row.replaces.as_str(), row)).collect();
    let mut seen = BTreeSet::new();
    let mut keys = vec![(FIRST.to_owned(), 0)];
    let mut key = FIRST;
    // A row that somebody has bent into a circle ends the walk where it began.
    while let Some(later) = next.get(key).filter(|later| seen.insert(later.name.as_str())) {
        key = &later.name;
        keys.push((later.name.clone(), later.created_at));
    }
    keys
}

/// The key that took the place of all others.
pub(crate) fn newest(all: &[sealing_key::Model]) -> String {
    in_order(all)
        .pop()
        .map_or_else(|| FIRST.to_owned(), |(name, _)| name)
}

impl Identity {
    /// When the key that seals now was made; none if it is the first, which is as old as the cluster's secret.
    ///
    /// # Errors
    /// [`StoreError`] if the ring cannot be read.
    pub async fn key_ring_since(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        let rows = self.inner.store.read().await?;
        let rows = rows.all(sealing_key::Entity::find()).await?;
        let newest = in_order(&rows).pop().filter(|(_, made_at)| *made_at > 0);
        Ok(newest.map(|(_, made_at)| stamp::at(made_at)))
    }

    /// Makes a key and seals everything anew under it, in one transaction. What another Host seals at the same moment
    /// under the key before still opens, and is sealed anew by the next rotation.
    ///
    /// # Errors
    /// [`FactorError`]; then everything is sealed as it was.
    pub async fn rotate_keys(&self, permit: &Permit<act::RotateKeys>) -> Result<KeyRotation, FactorError> {
        let name = self.inner.ambient.uuid().simple().to_string();
        let (key, vault) = (name.clone(), std::sync::Arc::clone(&self.inner.vault));
        let at = self.inner.ambient.clock.now_micros();
        let resealed = self.inner.store.write(permit, async move |tx| {
            let before = newest(&tx.all(sealing_key::Entity::find()).await?);
            tx.insert(sealing_key::ActiveModel {
                name: Set(key.clone()),
                replaces: Set(before),
                created_at: Set(at),
            })
            .await?;
            let (mut owners, mut resealed) = (BTreeSet::new(), 0);
            let rows = tx.all(totp_factor::Entity::find()).await?;
            for row in &rows {
                // What was not sealed by this cluster stays as it is, and holds up nobody else.
                let Ok(seed) = vault.open(seed_place(&row.id), &row.seed) else {
                    continue;
                };
                let sealed = vault.seal(&key, seed_place(&row.id), &seed)?;
                let update = totp_factor::Entity::update_many()
                    .col_expr(totp_factor::Column::Seed, Expr::value(sealed))
                    .filter(totp_factor::Column::Id.eq(row.id.clone()));
                tx.update(update).await?;
                owners.extend(row.user_id.parse::<UserId>().ok());
                resealed += 1;
            }
            for owner in owners {
                tx.changed(Changed::User(owner));
            }
            tx.changed(Changed::Keys);
            tx.note("key", key.as_str());
            tx.note("resealed", resealed);
            Ok::<_, FactorError>(resealed)
        });
        let resealed = resealed.await?;
        self.reread_all().await?;
        self.reread_access_keys().await?;
        Ok(KeyRotation { key: name, resealed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, replaces: &str) -> sealing_key::Model {
        sealing_key::Model {
            name: name.into(),
            replaces: replaces.into(),
            created_at: 0,
        }
    }

    #[test]
    fn the_newest_key_is_the_one_whose_place_nobody_took() {
        assert_eq!(newest(&[]), FIRST);
        assert_eq!(newest(&[row("c", "b"), row("b", FIRST)]), "c");
        assert_eq!(newest(&[row("stray", "nothing")]), FIRST);
        assert_eq!(newest(&[row("b", FIRST), row("b", "b")]), "b");
    }
}
