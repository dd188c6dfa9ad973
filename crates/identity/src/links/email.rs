//! The address where mail reaches somebody: set by an administrator, or by its owner, who shows that mail arrives.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::SecretString;
use watchroom_mail::{Content, Draft};
use watchroom_model::{EmailAddress, UserId};
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::magic::folded;
use super::{LinkError, LinkKind, NewLink, spend, void, void_ways_in};
use crate::Identity;
use crate::entity::user;
use crate::roll::Account;
use crate::users::{all_of, held_everywhere};

/// Links to confirm an address that one account may ask for in an hour, and that one address is sent.
const MOST_OF_ACCOUNT: u32 = 5;
const MOST_TO_ADDRESS: u32 = 3;

/// What came of asking for another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailChange {
    /// It is set.
    Done,
    /// A link went there, by which its owner confirms it.
    ToConfirm,
}

impl Identity {
    /// Sets the address of the account that the permit was given for, or none. One's own is set once a link that goes there
    /// has been used; taking it away needs none.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn change_email(
        &self,
        permit: &Permit<act::ChangeEmail>,
        email: Option<EmailAddress>,
    ) -> Result<EmailChange, LinkError> {
        let user = permit.resource().owner().ok_or(LinkError::Unknown)?;
        let account = self.inner.roll.account(user).ok_or(LinkError::Unknown)?;
        let is_own = permit.principal().user() == Some(user);
        if !is_own && !held_everywhere(permit.principal()).covers(all_of(&account.grants)) {
            return Err(LinkError::MoreThanOwn);
        }
        if let (true, Some(email)) = (is_own, &email) {
            return self.ask_to_confirm(permit, &account, email).await;
        }
        let letter = self.told_of_email(permit.trail(), &account);
        let now = self.inner.ambient.clock.now_micros();
        let text = email.map(|email| email.to_string());
        let written = self.inner.store.write(permit, async move |tx| {
            void(tx, LinkKind::Email, user, now).await?;
            set(tx, user, (text.as_deref(), now), letter.as_ref()).await?;
            Ok::<_, StoreError>(())
        });
        written.await?;
        self.reread(user).await?;
        Ok(EmailChange::Done)
    }

    async fn ask_to_confirm(
        &self,
        permit: &Permit<act::ChangeEmail>,
        account: &Account,
        email: &EmailAddress,
    ) -> Result<EmailChange, LinkError> {
        let user = account.id;
        // So that nobody fills the outbox, or a stranger's mailbox.
        self.claim_letter(&format!("confirmation for {user}"), MOST_OF_ACCOUNT)
            .await?;
        self.claim_letter(&format!("confirmation to {}", folded(email)), MOST_TO_ADDRESS)
            .await?;
        let mut new = NewLink::mint(&self.inner.ambient, LinkKind::Email, Some(user));
        new.row.user_id = Set(Some(user.to_string()));
        new.row.email = Set(Some(email.to_string()));
        let content = Content::ConfirmEmail {
            name: account.name.clone(),
            link: new.link.clone(),
            hours: new.hours,
        };
        let letter = self.inner.mail.draft(email, Some(user), &content)?;
        let letter = letter.ok_or(LinkError::NoMail)?;
        let (row, now) = (new.row, self.inner.ambient.clock.now_micros());
        let written = self.inner.store.write(permit, async move |tx| {
            void(tx, LinkKind::Email, user, now).await?;
            tx.insert(row.clone()).await?;
            tx.note("to_confirm", true);
            letter.put(tx).await
        });
        written.await?;
        Ok(EmailChange::ToConfirm)
    }

    /// Sets the address that a link of one's own was sent to.
    ///
    /// # Errors
    /// [`LinkError::Over`] also for a link of somebody else.
    pub async fn confirm_email(
        &self,
        permit: &Permit<act::ConfirmEmail>,
        code: SecretString,
    ) -> Result<(), LinkError> {
        let user = permit.resource().owner().ok_or(LinkError::Unknown)?;
        let account = self.inner.roll.account(user).ok_or(LinkError::Unknown)?;
        let letter = self.told_of_email(permit.trail(), &account);
        let now = self.inner.ambient.clock.now_micros();
        let written = self.inner.store.write(permit, async move |tx| {
            let link = spend(tx, LinkKind::Email, &code, now).await?;
            let own = link.filter(|link| link.user_id == Some(user.to_string()));
            let email = own.and_then(|link| link.email).ok_or(LinkError::Over)?;
            set(tx, user, (Some(&email), now), letter.as_ref()).await?;
            Ok::<_, LinkError>(())
        });
        written.await?;
        Ok(self.reread(user).await?)
    }

    /// The address until now is told that it is no longer the one.
    fn told_of_email(&self, trail: &watchroom_policy::Trail, account: &Account) -> Option<Draft> {
        self.letter(
            account,
            &Content::EmailChanged {
                name: account.name.clone(),
                place: self.seen_at(trail),
            },
        )
    }
}

async fn set(
    tx: &WriteTx,
    user: UserId,
    (email, now): (Option<&str>, i64),
    letter: Option<&Draft>,
) -> Result<(), StoreError> {
    let update = user::Entity::update_many()
        .col_expr(user::Column::Email, Expr::value(email.map(str::to_owned)))
        .filter(user::Column::Id.eq(user.to_string()));
    tx.update(update).await?;
    void_ways_in(tx, user, now).await?;
    if let Some(letter) = letter {
        letter.put(tx).await?;
    }
    tx.changed(Changed::User(user));
    Ok(())
}
