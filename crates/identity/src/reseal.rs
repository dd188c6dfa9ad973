//! What lies sealed or signed under the cluster's secret, sealed and signed anew where the cluster has another one.

use std::sync::Arc;

use sea_orm::EntityTrait;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    let mut foreign = 0;
    let key = newest_key(&tx.all(sealing_key::Entity::find()).await?);
    let mut seeds = Vec::new();
    for row in tx.all(totp_factor::Entity::find()).await? {
        let place = seed_place(&row.id);
        match before.vault.open(place, &row.seed) {
            Ok(seed) => seeds.push((row.id.clone(), after.vault.seal(&key, place, &seed)?)),
            Err(_) => foreign += 1,
        }
    }
    tx.update_each::<totp_factor::Entity>(totp_factor::Column::Id, totp_factor::Column::Seed, &seeds)
        .await?;
    let [before, after] = [before, after].map(|seals| Signatures::new(&seals.key));
    let mut bindings = Vec::new();
    for row in tx.all(passkey::Entity::find()).await? {
        match bound_anew(&row, &before, &after) {
            Some(binding) => bindings.push((row.id, binding)),
            None => foreign += 1,
        }
    }
    tx.update_each::<passkey::Entity>(passkey::Column::Id, passkey::Column::Binding, &bindings)
        .await?;
    tx.changed(Changed::Keys);
    Ok(Resealed {
        seeds: seeds.len(),
        passkeys: bindings.len(),
        foreign,
    })
}
