//! A person lifts a lockout: its failures are forgotten with it.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::LockoutId;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use crate::Identity;
use crate::entity::{guess, lockout};

/// Why a lockout was not listed or lifted.
#[derive(Debug, thiserror::Error)]
pub enum LiftLockoutError {
    /// There is none such, or it has been lifted or is over.
    #[error("there is no such lockout")]
    NotFound,
    /// The list was asked for in a way that it does not know.
    #[error("{}: {}", .0.field, .0.message)]
    Filter(FieldFault),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for LiftLockoutError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::Filter(_) => FaultKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Filter(_) => "invalid-input",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such lockout, or it has been lifted or is over".to_owned(),
            Self::Filter(_) => self.to_string(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Filter(fault) => vec![fault.clone()],
            Self::NotFound => Vec::new(),
            Self::Store(error) => error.fields(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

impl Identity {
    /// Lifts a lockout. When this returns, it holds no longer on this replica.
    ///
    /// # Errors
    /// [`LiftLockoutError`].
    pub async fn lift_lockout(&self, permit: &Permit<act::LiftLockout>) -> Result<(), LiftLockoutError> {
        let id: LockoutId = permit
            .resource()
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(LiftLockoutError::NotFound)?;
        let now = self.inner.ambient.clock.now_micros();
        let by = permit.principal().display_name();
        let lifted = self.inner.store.write(permit, async move |tx| {
            let row = tx.one(lockout::Entity::find_by_id(id.to_string())).await?;
            let row = row.filter(|row| row.lifted_at.is_none() && row.until > now);
            let row = row.ok_or(LiftLockoutError::NotFound)?;
            let update = lockout::Entity::update_many()
                .col_expr(lockout::Column::LiftedAt, Expr::value(now))
                .col_expr(lockout::Column::LiftedBy, Expr::value(by.clone()))
                .filter(lockout::Column::Id.eq(row.id));
            tx.update(update).await?;
            tx.delete(guess::Entity::delete_many().filter(guess::Column::Budget.eq(row.door)))
                .await?;
            tx.note("scope", row.scope);
            tx.note("user", row.user_id);
            tx.note("network", row.network);
            tx.changed(Changed::Lockout(id));
            Ok::<_, LiftLockoutError>(())
        });
        lifted.await?;
        Ok(self.reread_lockout(id).await?)
    }
}
