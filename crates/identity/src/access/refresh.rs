//! The next tokens of a program, by a token that is good once. If it comes twice the family ends: the second may be the
//! owner, who learns of it and signs in again, or whoever copied the token, who has nothing then.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_policy::{Trail, act};
use watchroom_store::{Changed, StoreError};

use super::grant::{Granted, Refresh};
use super::{GrantError, RefreshError};
use crate::Identity;
use crate::digest::Digest;
use crate::entity::session;
use crate::sessions::Session;

impl Identity {
    /// Exchanges a refresh token for the next one and an access token. Of however many that try with one token at once,
    /// one succeeds; that there were others ends the family.
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn refresh_tokens(&self, trail: &Trail, token: &SecretString) -> Result<Granted, GrantError> {
        let shown = Refresh::parse(token.expose_secret()).ok_or(RefreshError::Unknown)?;
        let family = self.inner.roll.session(shown.family);
        let now = self.inner.ambient.clock.now_micros();
        let family = family
            .filter(|family| family.is_program && !family.is_half() && !family.is_over(now))
            .ok_or(RefreshError::Unknown)?;
        let permit = self.permit(&family.principal, trail, act::RefreshTokens, family.as_ref())?;
        let next = self.inner.ambient.entropy.token();
        let (id, before, after) = (family.id, shown.once.to_string(), Digest::of(&next).to_string());
        let exchanged = self.inner.store.write(&permit, async move |tx| {
            let exchange = session::Entity::update_many()
                .col_expr(session::Column::RefreshHash, Expr::value(after.clone()))
                .col_expr(session::Column::LastSeen, Expr::value(now))
                .filter(session::Column::Id.eq(id.to_string()))
                .filter(session::Column::RefreshHash.eq(before.clone()));
            tx.note_resource(format!("session:{id}"));
            match tx.update(exchange).await? {
                0 => Err(RefreshError::Reused),
                _ => Ok(()),
            }
        });
        match exchanged.await {
            Ok(()) => {}
            Err(RefreshError::Reused) => {
                self.end_family(trail, &family).await?;
                return Err(RefreshError::Reused.into());
            }
            Err(error) => return Err(error.into()),
        }
        self.touch(&family);
        let text = token.expose_secret();
        let (name, _) = Refresh::halves(text).ok_or(RefreshError::Unknown)?;
        self.granted(&family, name, &next)
    }

    /// Ends the family of a token that came twice, and writes it down once, however many came.
    async fn end_family(&self, trail: &Trail, family: &Session) -> Result<(), GrantError> {
        let permit = self.permit(&family.principal, trail, act::EndTokenFamily, family)?;
        let id = family.id;
        let ended = self.inner.store.write(&permit, async move |tx| {
            let row = session::Entity::delete_many().filter(session::Column::Id.eq(id.to_string()));
            tx.note_resource(format!("session:{id}"));
            tx.changed(Changed::Session(id));
            match tx.delete(row).await? {
                // Another has ended it and written that down.
                0 => Err(RefreshError::Reused),
                _ => Ok(()),
            }
        });
        match ended.await {
            Ok(()) | Err(RefreshError::Reused) => {}
            Err(error) => return Err(error.into()),
        }
        self.reread(family.user)
            .await
            .map_err(|error: StoreError| RefreshError::Store(error).into())
    }
}
