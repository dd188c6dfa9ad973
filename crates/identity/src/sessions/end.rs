//! Ending sessions: signing out, and ending another of one's own.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_model::SessionId;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::Session;
use crate::entity::session;
use crate::{EndError, Identity};

const NO_SUCH_SESSION: &str = "there is no such session; it may have ended already";

/// Ends all sessions of a person but one, as part of a change; how many that were.
pub(crate) async fn end_sessions(tx: &WriteTx, user: &str, but: Option<&str>) -> Result<u64, StoreError> {
    let mut ended = Condition::all().add(session::Column::UserId.eq(user));
    if let Some(but) = but {
        ended = ended.add(session::Column::Id.ne(but));
    }
    let ended = tx.delete(session::Entity::delete_many().filter(ended)).await?;
    tx.note("sessions_ended", ended);
    Ok(ended)
}

impl Identity {
    /// Ends the session that asks.
    ///
    /// # Errors
    /// [`EndError`]; one that has ended meanwhile is not an error.
    pub async fn sign_out(&self, permit: &Permit<act::SignOut>, session: &Session) -> Result<(), EndError> {
        self.end(permit, session).await
    }

    /// Ends another session of whoever asks, or any over the Unix socket.
    ///
    /// # Errors
    /// [`EndError::Unknown`] where it is not theirs or has ended.
    pub async fn end_session(&self, permit: &Permit<act::SignOut>, id: SessionId) -> Result<(), EndError> {
        let session = self.session_by_id(id).ok_or(EndError::Unknown(NO_SUCH_SESSION))?;
        let asks = permit.principal();
        let is_own = asks.user() == Some(session.user) && !asks.proof.second_factor.is_lacking();
        if !is_own && !crate::users::is_local(asks) {
            return Err(EndError::Unknown(NO_SUCH_SESSION));
        }
        self.end(permit, &session).await
    }

    /// Ends all sessions of whoever asks but the one that asks: what somebody who smells trouble does next.
    ///
    /// # Errors
    /// [`EndError::Unknown`] for who has proven only half of what they must.
    pub async fn end_other_sessions(
        &self,
        permit: &Permit<act::SignOut>,
        this: &Session,
    ) -> Result<(), EndError> {
        if permit.principal().proof.second_factor.is_lacking() {
            return Err(EndError::Unknown(NO_SUCH_SESSION));
        }
        let (user, kept) = (this.user, this.id);
        let ended = self.inner.store.write(permit, async move |tx| {
            end_sessions(tx, &user.to_string(), Some(&kept.to_string())).await?;
            tx.note_resource(format!("user:{user}"));
            tx.changed(Changed::User(user));
            Ok::<_, StoreError>(())
        });
        ended.await?;
        Ok(self.reread(user).await?)
    }

    async fn end(&self, permit: &Permit<act::SignOut>, session: &Session) -> Result<(), EndError> {
        let id = session.id;
        let ended = self
            .inner
            .store
            .write(permit, async move |tx| {
                let row = session::Entity::delete_many().filter(session::Column::Id.eq(id.to_string()));
                tx.delete(row).await?;
                tx.note_resource(format!("session:{id}"));
                tx.changed(Changed::Session(id));
                Ok::<_, StoreError>(())
            })
            .await;
        ended?;
        self.reread(session.user).await?;
        Ok(())
    }

    /// Ends one session of the person that the permit was given for, or all of them.
    ///
    /// # Errors
    /// [`EndError::Unknown`] where that one is not theirs or has ended.
    pub async fn end_sessions_of(
        &self,
        permit: &Permit<act::EndSessions>,
        one: Option<SessionId>,
    ) -> Result<(), EndError> {
        let user = permit
            .resource()
            .owner()
            .ok_or(EndError::Unknown(NO_SUCH_SESSION))?;
        let ended = self.inner.store.write(permit, async move |tx| {
            match one {
                None => _ = end_sessions(tx, &user.to_string(), None).await?,
                Some(one) => {
                    let row = session::Entity::delete_many()
                        .filter(session::Column::UserId.eq(user.to_string()))
                        .filter(session::Column::Id.eq(one.to_string()));
                    if tx.delete(row).await? == 0 {
                        return Err(EndError::Unknown(NO_SUCH_SESSION));
                    }
                    tx.note("sessions_ended", 1);
                }
            }
            tx.changed(Changed::User(user));
            Ok(())
        });
        ended.await?;
        Ok(self.reread(user).await?)
    }
}
