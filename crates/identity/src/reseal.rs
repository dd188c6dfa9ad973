//! What lies sealed or signed under the cluster's secret, sealed and signed anew where the cluster has another one.

use std::sync::Arc;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_store::{Changed, WriteTx};

use crate::entity::{passkey, sealing_key, totp_factor};
use crate::factors::{bound_anew, newest_key, seed_place};
use crate::key::SharedKey;
use crate::signed::Signatures;
use crate::{FactorError, Vault};

/// What seals and signs under one secret of the cluster.
#[derive(Clone, Debug)]
pub struct Seals {
    /// Seals what must be read back.
    pub vault: Arc<dyn Vault>,
    /// Signs what must only be believed.
    pub key: SharedKey,
}

/// What was sealed and signed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Seeds of codes by time.
    pub seeds: usize,
    /// Passkeys.
    pub passkeys: usize,
    /// Rows that were not of the secret before either. They stay as they are, and are believed as little as before.
    pub foreign: usize,
}

/// Opens everything by the seals before and seals it by those after.
///
/// # Errors
/// [`FactorError::Vault`] if something cannot be sealed, or [`FactorError::Store`].
pub async fn reseal(tx: &WriteTx, before: &Seals, after: &Seals) -> Result<Resealed, FactorError> {
    let mut told = Resealed::default();
    let key = newest_key(&tx.all(sealing_key::Entity::find()).await?);
    for row in tx.all(totp_factor::Entity::find()).await? {
        let place = seed_place(&row.id);
        let Ok(seed) = before.vault.open(place, &row.seed) else {
            told.foreign += 1;
            continue;
        };
        let sealed = after.vault.seal(&key, place, &seed)?;
        let update = totp_factor::Entity::update_many()
            .col_expr(totp_factor::Column::Seed, Expr::value(sealed))
            .filter(totp_factor::Column::Id.eq(row.id.as_str()));
        tx.update(update).await?;
        told.seeds += 1;
    }
    let [before, after] = [before, after].map(|seals| Signatures::new(&seals.key));
    for row in tx.all(passkey::Entity::find()).await? {
        let Some(binding) = bound_anew(&row, &before, &after) else {
            told.foreign += 1;
            continue;
        };
        let update = passkey::Entity::update_many()
            .col_expr(passkey::Column::Binding, Expr::value(binding))
            .filter(passkey::Column::Id.eq(row.id.as_str()));
        tx.update(update).await?;
        told.passkeys += 1;
    }
    tx.changed(Changed::Keys);
    Ok(told)
}
