//! Revoking a token: it opens nothing from the moment the answer is given. The row stays, for the record.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::TokenId;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use crate::Identity;
use crate::entity::token;

/// Why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// There is none such, or it was revoked before.
    #[error("no such token")]
    Unknown,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for RevokeTokenError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unknown => FaultKind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Unknown => "not-found",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Unknown => "there is no such token; it may have been revoked already".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Store(error) => error.retry_after_s(),
        }
    }
}

impl Identity {
    /// Revokes the token that the permit was given for.
    ///
    /// # Errors
    /// [`RevokeTokenError`].
    pub async fn revoke_token(&self, permit: &Permit<act::RevokeToken>) -> Result<(), RevokeTokenError> {
        let on = permit.resource();
        let id: TokenId = on
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(RevokeTokenError::Unknown)?;
        let owner = on.owner().ok_or(RevokeTokenError::Unknown)?;
        let now = self.inner.ambient.clock.now_micros();
        let revoked = self.inner.store.write(permit, async move |tx| {
            let live = token::Column::RevokedAt
                .is_null()
                .and(token::Column::Owner.eq(owner.to_string()));
            let row = tx
                .one(token::Entity::find_by_id(id.to_string()).filter(live))
                .await?;
            let row = row.ok_or(RevokeTokenError::Unknown)?;
            let update = token::Entity::update_many()
                .col_expr(token::Column::RevokedAt, Expr::value(now))
                // A name belongs to one live token; the id keeps it apart from others that had it.
                .col_expr(token::Column::Name, Expr::value(format!("{} ({id})", row.name)))
                .filter(token::Column::Id.eq(id.to_string()));
            tx.update(update).await?;
            tx.changed(Changed::Token(id));
            Ok::<_, RevokeTokenError>(())
        });
        revoked.await?;
        self.reread(owner).await?;
        Ok(())
    }
}
