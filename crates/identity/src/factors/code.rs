//! A code that was right, and spending it: whatever happens side by side, on whichever Host, it is taken once.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::{FactorId, UserId};
use watchroom_store::{StoreError, WriteTx};

use super::passkey::{PASSKEY, Presented, SpentChallenge};
use super::{RECOVERY, TOTP, is_code, recovery_digest, seed_place, step_of};
use crate::digest::Digest;
use crate::entity::{passkey, recovery_code, totp_factor};
use crate::roll::Account;
use crate::signed::Signatures;
use crate::{Vault, VaultError};

/// A code of an account that was right when it was compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    /// The code of a device at a step.
    Totp { factor: FactorId, step: i64 },
    /// A recovery code.
    Recovery { user: UserId, digest: Digest },
    /// A passkey, by its answer to a challenge.
    Passkey {
        factor: FactorId,
        counter: i64,
        challenge: SpentChallenge,
    },
}

/// What is shown as a proof.
#[derive(Debug)]
pub(crate) enum Shown<'a> {
    /// A code that was typed.
    Code(&'a SecretString),
    /// A passkey's answer.
    Passkey(&'a Presented<'a>),
}

/// What became of spending a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spending {
    /// It is taken now.
    Taken,
    /// It was taken before.
    Before,
    /// Its authenticator has counted less than the last time: there are two of it.
    Cloned,
}

impl Code {
    /// What was shown, if it is a proof of this account, now.
    pub(crate) fn of(
        account: &Account,
        shown: &Shown<'_>,
        now: i64,
        (vault, signatures, skew): (&dyn Vault, &Signatures, u8),
    ) -> Result<Option<Self>, VaultError> {
        match shown {
            Shown::Code(typed) => Self::of_typed(account, typed, now, (vault, skew)),
            Shown::Passkey(presented) => Ok(presented.check(account, signatures)),
        }
    }

    fn of_typed(
        account: &Account,
        typed: &SecretString,
        now: i64,
        (vault, skew): (&dyn Vault, u8),
    ) -> Result<Option<Self>, VaultError> {
        let text: String = typed
            .expose_secret()
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        if !is_code(&text) {
            let digest = recovery_digest(account.id, typed);
            let is_theirs = account.recovery.contains(&digest);
            return Ok(is_theirs.then_some(Self::Recovery {
                user: account.id,
                digest,
            }));
        }
        let mut closed = None;
        for factor in &account.factors {
            let seed = match vault.open(seed_place(&factor.id.to_string()), &factor.seed) {
                Ok(seed) => seed,
                // The person may have another.
                Err(error) => {
                    closed = Some(error);
                    continue;
                }
            };
            let steps = (factor.last_step, skew.into());
            if let Some(step) = step_of(&seed, &text, now.div_euclid(1_000_000), steps) {
                return Ok(Some(Self::Totp {
                    factor: factor.id,
                    step,
                }));
            }
        }
        closed.map_or(Ok(None), Err)
    }

    /// Its kind in a word, for sessions and the audit log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Totp { .. } => TOTP,
            Self::Recovery { .. } => RECOVERY,
            Self::Passkey { .. } => PASSKEY,
        }
    }

    /// Spends it as part of a change.
    pub(crate) async fn spend(self, tx: &WriteTx, now: i64) -> Result<Spending, StoreError> {
        let rows = match self {
            Self::Totp { factor, step } => {
                let update = totp_factor::Entity::update_many()
                    .col_expr(totp_factor::Column::LastStep, Expr::value(step))
                    .col_expr(totp_factor::Column::LastUsed, Expr::value(now))
                    .filter(totp_factor::Column::Id.eq(factor.to_string()))
                    .filter(totp_factor::Column::LastStep.lt(step));
                tx.update(update).await?
            }
            Self::Recovery { user, digest } => {
                let delete = recovery_code::Entity::delete_many()
                    .filter(recovery_code::Column::UserId.eq(user.to_string()))
                    .filter(recovery_code::Column::CodeHash.eq(digest.to_string()));
                tx.delete(delete).await?
            }
            Self::Passkey {
                factor,
                counter,
                challenge,
            } => return spend_passkey(tx, (factor, counter), challenge, now).await,
        };
        Ok(match rows {
            1 => Spending::Taken,
            _ => Spending::Before,
        })
    }
}

/// The challenge first: an answer that comes twice is that, and no sign of a second key.
async fn spend_passkey(
    tx: &WriteTx,
    (factor, counter): (FactorId, i64),
    challenge: SpentChallenge,
    now: i64,
) -> Result<Spending, StoreError> {
    let row = tx.one(passkey::Entity::find_by_id(factor.to_string())).await?;
    let Some(row) = row else {
        return Ok(Spending::Before);
    };
    if !challenge.spend(tx, now).await? {
        return Ok(Spending::Before);
    }
    // Authenticators that do not count say 0 for ever (WebAuthn, 6.1.1).
    let counts = counter != 0 || row.counter != 0;
    if counts && counter <= row.counter {
        return Ok(Spending::Cloned);
    }
    let used = passkey::Entity::update_many()
        .col_expr(passkey::Column::Counter, Expr::value(counter))
        .col_expr(passkey::Column::LastUsed, Expr::value(now))
        .filter(passkey::Column::Id.eq(row.id))
        .filter(passkey::Column::Counter.eq(row.counter));
    Ok(match tx.update(used).await? {
        1 => Spending::Taken,
        _ => Spending::Before,
    })
}
