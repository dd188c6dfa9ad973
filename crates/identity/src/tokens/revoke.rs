//! Revoking a token: it opens nothing from the moment the answer is given. The row stays, for the record.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use watchroom_model::TokenId;
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use crate::entity::token;
use crate::{EndError, Identity};

const NO_SUCH_TOKEN: &str = "there is no such token; it may have been revoked already";

impl Identity {
    /// Revokes the token that the permit was given for.
    ///
    /// # Errors
    /// [`EndError`].
    pub async fn revoke_token(&self, permit: &Permit<act::RevokeToken>) -> Result<(), EndError> {
        let on = permit.resource();
        let id: TokenId = on
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(EndError::Unknown(NO_SUCH_TOKEN))?;
        let owner = on.owner().ok_or(EndError::Unknown(NO_SUCH_TOKEN))?;
        let now = self.inner.ambient.clock.now_micros();
        let revoked = self.inner.store.write(permit, async move |tx| {
            let live = token::Column::RevokedAt
                .is_null()
                .and(token::Column::Owner.eq(owner.to_string()));
            let row = tx
                .one(token::Entity::find_by_id(id.to_string()).filter(live))
                .await?;
            let row = row.ok_or(EndError::Unknown(NO_SUCH_TOKEN))?;
            let update = token::Entity::update_many()
                .col_expr(token::Column::RevokedAt, Expr::value(now))
                // A name belongs to one live token; the id keeps it apart from others that had it.
                .col_expr(token::Column::Name, Expr::value(format!("{} ({id})", row.name)))
                .filter(token::Column::Id.eq(id.to_string()));
            tx.update(update).await?;
            tx.changed(Changed::Token(id));
            Ok::<_, EndError>(())
        });
        revoked.await?;
        self.reread(owner).await?;
        Ok(())
    }
}
