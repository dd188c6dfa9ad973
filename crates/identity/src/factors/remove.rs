//! Removing factors: one of one's own, or all of another's who lost them; and making recovery codes anew.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::SecretString;
use watchroom_mail::{Content, Draft, FactorChange};
use watchroom_model::{FactorId, UserId};
use watchroom_policy::{Permit, Trail, act};
use watchroom_store::{Changed, StoreError};

use super::error::FactorError;
use super::{PASSKEY, TOTP, all_in, is_of, recovery, remove_all, replace_recovery_codes};
use crate::Identity;
use crate::entity::{passkey, totp_factor};
use crate::roll::Account;
use crate::sessions::end_sessions;
use crate::users::{all_of, held_everywhere};

impl Identity {
    /// Removes one of one's own factors; with the last one the recovery codes go too.
    ///
    /// # Errors
    /// [`FactorError`]; the last one stays where a role requires one, and a passkey where there is no other way in.
    pub async fn remove_factor(
        &self,
        permit: &Permit<act::RemoveFactor>,
        id: FactorId,
    ) -> Result<(), FactorError> {
        let user = permit.resource().owner().ok_or(FactorError::Unknown)?;
        let account = self.inner.roll.account(user).ok_or(FactorError::Unknown)?;
        if !is_of(&account, id) {
            return Err(FactorError::Unknown);
        }
        let is_required = account.requires_second_factor;
        let letter = self.letter_of_factors(&account, permit.trail(), FactorChange::Removed);
        let house = self.clone();
        let removed = self.inner.store.write(permit, async move |tx| {
            let (devices, passkeys) = all_in(tx, &user.to_string()).await?;
            let id = id.to_string();
            let is_device = devices.iter().any(|row| row.id == id);
            if !is_device && !passkeys.iter().any(|row| row.id == id) {
                return Err(FactorError::Unknown);
            }
            tx.note("factor", if is_device { TOTP } else { PASSKEY });
            match devices.len() + passkeys.len() {
                1 if is_required => return Err(FactorError::Last),
                1 => _ = remove_all(tx, user).await?,
                _ if is_device => {
                    let one = totp_factor::Entity::delete_many().filter(totp_factor::Column::Id.eq(id));
                    tx.delete(one).await?;
                }
                _ => {
                    let one = passkey::Entity::delete_many().filter(passkey::Column::Id.eq(id));
                    tx.delete(one).await?;
                }
            }
            // A device for codes is no way in, so what was none before may stay so.
            if !is_device && !house.has_own_way_in(tx, user).await? {
                return Err(FactorError::LastWay);
            }
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.changed(Changed::User(user));
            Ok(())
        });
        removed.await?;
        Ok(self.reread(user).await?)
    }

    /// New recovery codes; those before are worth nothing from then on.
    ///
    /// # Errors
    /// [`FactorError`].
    pub async fn renew_recovery_codes(
        &self,
        permit: &Permit<act::RenewRecoveryCodes>,
    ) -> Result<Vec<SecretString>, FactorError> {
        let user = permit.resource().owner().ok_or(FactorError::Unknown)?;
        let codes = recovery::new_codes(&self.inner.ambient.entropy);
        let kept = codes.clone();
        let written = self.inner.store.write(permit, async move |tx| {
            let (devices, passkeys) = all_in(tx, &user.to_string()).await?;
            if devices.is_empty() && passkeys.is_empty() {
                return Err(FactorError::Nothing);
            }
            replace_recovery_codes(tx, user, &kept).await?;
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        self.reread(user).await?;
        Ok(codes)
    }

    /// Removes all second factors of the account that the permit was given for, and ends all its sessions.
    ///
    /// # Errors
    /// [`FactorError`].
    pub async fn reset_factors(&self, permit: &Permit<act::ResetFactors>) -> Result<(), FactorError> {
        let user: UserId = permit.resource().owner().ok_or(FactorError::Unknown)?;
        let account = self.inner.roll.account(user).ok_or(FactorError::Unknown)?;
        if !held_everywhere(permit.principal()).covers(all_of(&account.grants)) {
            return Err(FactorError::MoreThanOwn);
        }
        let letter = self.letter_of_factors(&account, permit.trail(), FactorChange::Reset);
        let reset = self.inner.store.write(permit, async move |tx| {
            remove_all(tx, user).await?;
            end_sessions(tx, &user.to_string(), None).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.changed(Changed::User(user));
            Ok::<_, StoreError>(())
        });
        reset.await?;
        Ok(self.reread(user).await?)
    }

    /// What the owner is told of their factors.
    pub(super) fn letter_of_factors(
        &self,
        account: &Account,
        trail: &Trail,
        what: FactorChange,
    ) -> Option<Draft> {
        let (name, place) = (account.name.clone(), self.seen_at(trail));
        self.letter(account, &Content::FactorsChanged { name, place, what })
    }
}
