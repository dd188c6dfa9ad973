//! A letter about to be put into the outbox, in the transaction of the change that it tells of.

use sea_orm::ActiveValue::Set;
use watchroom_model::{EmailAddress, LetterId, UserId};
use watchroom_store::{Changed, StoreError, WriteTx};

use crate::entity;
use crate::{Content, Mail, SealError};

/// A sealed letter that is in no outbox yet.
#[derive(Clone, Debug)]
pub struct Draft {
    row: entity::ActiveModel,
}

impl Mail {
    /// Writes a letter, if mail is sent from here at all. `user` is the person it is to, where they have an account.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn draft(
        &self,
        to: &EmailAddress,
        user: Option<UserId>,
        content: &Content,
    ) -> Result<Option<Draft>, SealError> {
        self.sealed(to, user, content, false)
    }

    /// A letter that nobody will get, for an address that nobody has: it costs as much as any other, so that whoever
    /// asked cannot tell.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn blank(&self, to: &EmailAddress, content: &Content) -> Result<Option<Draft>, SealError> {
        self.sealed(to, None, content, true)
    }

    fn sealed(
        &self,
        to: &EmailAddress,
        user: Option<UserId>,
        content: &Content,
        is_blank: bool,
    ) -> Result<Option<Draft>, SealError> {
        if !self.is_on() {
            return Ok(None);
        }
        let id = LetterId::mint(self.ambient()).to_string();
        let written = content.written(&self.panel());
        let sealed = self.seal().seal(&id, &written.packed())?;
        Ok(Some(Draft {
            row: entity::ActiveModel {
                id: Set(id),
                kind: Set(content.kind().to_owned()),
                user_id: Set(user.map(|user| user.to_string())),
                recipient: Set(to.to_string()),
                content: Set(sealed),
                is_blank: Set(is_blank),
                created_at: Set(self.ambient().clock.now_micros()),
                tried_at: Set(None),
                given_up_at: Set(None),
                problem: Set(None),
            },
        }))
    }
}

impl Draft {
    /// Puts it into the outbox; it leaves once the transaction is committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, tx: &WriteTx) -> Result<(), StoreError> {
        tx.insert(self.row.clone()).await?;
        tx.changed(Changed::Letters);
        Ok(())
    }
}
