//! A code that was right, and spending it: whatever happens side by side, on whichever Host, it is taken once.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::{FactorId, UserId};
use watchroom_store::{StoreError, WriteTx};

use super::{RECOVERY, TOTP, is_code, recovery_digest, seed_place, step_of};
use crate::digest::Digest;
use crate::entity::{recovery_code, totp_factor};
use crate::roll::Account;
use crate::{Vault, VaultError};

/// A code of an account that was right when it was compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    /// The code of a device at a step.
    Totp { factor: FactorId, step: i64 },
    /// A recovery code.
    Recovery { user: UserId, digest: Digest },
}

impl Code {
    /// The code that was typed, if it is one of this account, now.
    pub(crate) fn of(
        account: &Account,
        typed: &SecretString,
        now: i64,
        vault: &dyn Vault,
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
        for factor in &account.factors {
            let seed = vault.open(seed_place(&factor.id.to_string()), &factor.seed)?;
            if let Some(step) = step_of(&seed, &text, now.div_euclid(1_000_000), factor.last_step) {
                return Ok(Some(Self::Totp {
                    factor: factor.id,
                    step,
                }));
            }
        }
        Ok(None)
    }

    /// Its kind in a word, for sessions and the audit log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Totp { .. } => TOTP,
            Self::Recovery { .. } => RECOVERY,
        }
    }

    /// Spends it as part of a change; `false` if it was spent before.
    pub(crate) async fn spend(self, tx: &WriteTx, now: i64) -> Result<bool, StoreError> {
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
        };
        Ok(rows == 1)
    }
}
