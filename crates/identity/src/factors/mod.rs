//! Second factors: codes by time, passkeys and recovery codes; enrolling, showing, removing and resetting them.
//!
//! Whoever needs a second factor, because a role of theirs requires one or because they have one, has no permissions
//! until it is proven; [`standing`] says so for each session and token whenever a person is read anew.

mod code;
mod enrol;
mod enrolment;
mod error;
mod keys;
mod passkey;
mod recovery;
mod remove;
mod totp;

use std::sync::Arc;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::SecretString;
use watchroom_model::{FactorId, UserId};
use watchroom_policy::{Principal, Resource, SecondFactor, Target};
use watchroom_store::{StoreError, WriteTx};

pub(crate) use code::{Code, Shown, Spending};
pub use enrol::{ConfirmTotp, Enrolled, TotpOffer};
pub use error::FactorError;
pub use keys::KeyRotation;
pub(crate) use keys::{in_order as keys_in_order, newest as newest_key};
pub use passkey::{
    NoSite, PasskeyAnswer, PasskeyCreation, PasskeyRequest, PasskeySignIn, PasskeySignInError,
    RegisterPasskey, Site,
};
pub(crate) use passkey::{PASSKEY, Passkey, bound_anew, is_spent};
pub(crate) use recovery::digest as recovery_digest;
pub(crate) use totp::{is_code, step_of};

use crate::entity::{passkey as passkey_row, recovery_code, totp_factor};
use crate::roll::Account;
use crate::users::ReadError;
use crate::{Identity, Place, stamp};

/// Most codes by time a person has: a phone, a spare, a desk.
const MOST: usize = 5;

/// What makes a person's one-time codes, as the rest of the crate reads it.
#[derive(Clone, Debug)]
pub(crate) struct TotpFactor {
    pub(crate) id: FactorId,
    pub(crate) name: String,
    /// Under the vault's seal.
    pub(crate) seed: Arc<str>,
    pub(crate) last_step: i64,
    pub(crate) created_at: i64,
    pub(crate) last_used: Option<i64>,
}

/// The word by which sessions and the audit log know this factor.
pub(crate) const TOTP: &str = "totp";
/// The word for a recovery code.
pub(crate) const RECOVERY: &str = "recovery_code";

/// A second factor as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FactorView {
    /// Its id.
    pub id: FactorId,
    /// `totp` or `passkey`.
    pub kind: &'static str,
    /// What its owner calls it.
    pub name: String,
    /// The host name under which a passkey works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// When it was enrolled.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last used.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used: Option<OffsetDateTime>,
}

/// The second factors of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FactorsView {
    /// Whether a role of theirs requires one.
    pub is_required: bool,
    /// Those they have.
    pub factors: Vec<FactorView>,
    /// Recovery codes that are left.
    pub recovery_codes_left: usize,
}

impl From<&TotpFactor> for FactorView {
    fn from(factor: &TotpFactor) -> Self {
        Self {
            id: factor.id,
            kind: TOTP,
            name: factor.name.clone(),
            host: None,
            created_at: stamp::at(factor.created_at),
            last_used: factor.last_used.map(stamp::at),
        }
    }
}

impl From<&Passkey> for FactorView {
    fn from(key: &Passkey) -> Self {
        Self {
            id: key.id,
            kind: PASSKEY,
            name: key.name.clone(),
            host: Some(key.rp_id.clone()),
            created_at: stamp::at(key.created_at),
            last_used: key.last_used.map(stamp::at),
        }
    }
}

/// How somebody stands who has proven a second factor, or not, towards an account that has some, or must.
pub(crate) fn standing(is_proven: bool, has_some: bool, is_required: bool) -> SecondFactor {
    match (has_some, is_required) {
        (true, _) if is_proven => SecondFactor::Proven,
        (true, _) => SecondFactor::ToProve,
        (false, true) => SecondFactor::ToEnrol,
        (false, false) => SecondFactor::NotNeeded,
    }
}

/// Where the seed of a factor lies.
pub(crate) fn seed_place(id: &str) -> Place<'_> {
    Place {
        table: "totp_factors",
        row: id,
        column: "seed",
    }
}

/// One person, for acts on their own factors.
#[derive(Clone, Copy, Debug)]
pub struct Oneself(pub UserId);

impl Target for Oneself {
    fn resource(&self) -> Resource {
        Resource::user(self.0)
    }
}

impl Identity {
    /// The second factors of a person, if the caller is that person or may see people.
    ///
    /// # Errors
    /// [`ReadError::NotFound`].
    pub fn factors_of(&self, principal: &Principal, user: UserId) -> Result<FactorsView, ReadError> {
        self.user(principal, user)?;
        let account = self.inner.roll.account(user).ok_or(ReadError::NotFound)?;
        let devices = account.factors.iter().map(FactorView::from);
        let passkeys = account.passkeys.iter().map(FactorView::from);
        Ok(FactorsView {
            is_required: account.requires_second_factor,
            factors: devices.chain(passkeys).collect(),
            recovery_codes_left: account.recovery.len(),
        })
    }
}

/// Writes new recovery codes in the place of all that there were.
async fn replace_recovery_codes(
    tx: &WriteTx,
    user: UserId,
    codes: &[SecretString],
) -> Result<(), StoreError> {
    let old = recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(user.to_string()));
    tx.delete(old).await?;
    for code in codes {
        tx.insert(recovery_code::ActiveModel {
            user_id: sea_orm::ActiveValue::Set(user.to_string()),
            code_hash: sea_orm::ActiveValue::Set(recovery_digest(user, code).to_string()),
        })
        .await?;
    }
    tx.note("recovery_codes", codes.len());
    Ok(())
}

/// Removes every second factor of a person; how many that were.
async fn remove_all(tx: &WriteTx, user: UserId) -> Result<u64, StoreError> {
    let id = user.to_string();
    let factors = totp_factor::Entity::delete_many().filter(totp_factor::Column::UserId.eq(id.clone()));
    let passkeys = passkey_row::Entity::delete_many().filter(passkey_row::Column::UserId.eq(id.clone()));
    let removed = tx.delete(factors).await? + tx.delete(passkeys).await?;
    let codes = recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(id));
    tx.delete(codes).await?;
    tx.note("factors_removed", removed);
    Ok(removed)
}

/// The codes by time and the passkeys of a person, as they stand in this change.
async fn all_in(
    tx: &WriteTx,
    user: &str,
) -> Result<(Vec<totp_factor::Model>, Vec<passkey_row::Model>), StoreError> {
    let devices = totp_factor::Entity::find().filter(totp_factor::Column::UserId.eq(user));
    let passkeys = passkey_row::Entity::find().filter(passkey_row::Column::UserId.eq(user));
    Ok((tx.all(devices).await?, tx.all(passkeys).await?))
}

/// Where a new factor's account stands when the change is made.
pub(crate) fn is_of(account: &Account, id: FactorId) -> bool {
    let devices = account.factors.iter().map(|factor| factor.id);
    let passkeys = account.passkeys.iter().map(|key| key.id);
    devices.chain(passkeys).any(|known| known == id)
}
