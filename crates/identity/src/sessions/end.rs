//! Ending sessions: signing out, and ending another of one's own.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::SessionId;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use super::Session;
use crate::Identity;
use crate::entity::session;

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// There is none of that id, or it is not the caller's.
    #[error("no such session of this person")]
    Unknown,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for EndSessionError {
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
            Self::Unknown => "there is no such session; it may have ended already".to_owned(),
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
    /// Ends the session that asks.
    ///
    /// # Errors
    /// [`EndSessionError`]; one that has ended meanwhile is not an error.
    pub async fn sign_out(
        &self,
        permit: &Permit<act::SignOut>,
        session: &Session,
    ) -> Result<(), EndSessionError> {
        self.end(permit, session).await
    }

    /// Ends another session of whoever asks, or any over the Unix socket.
    ///
    /// # Errors
    /// [`EndSessionError::Unknown`] where it is not theirs or has ended.
    pub async fn end_session(
        &self,
        permit: &Permit<act::SignOut>,
        id: SessionId,
    ) -> Result<(), EndSessionError> {
        let session = self.session_by_id(id).ok_or(EndSessionError::Unknown)?;
        let asks = permit.principal();
        if asks.user() != Some(session.user) && !crate::users::is_local(asks) {
            return Err(EndSessionError::Unknown);
        }
        self.end(permit, &session).await
    }

    async fn end(&self, permit: &Permit<act::SignOut>, session: &Session) -> Result<(), EndSessionError> {
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
}
