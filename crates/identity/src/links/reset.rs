//! A new password by a link that an administrator made: nobody but its owner ever knows it.

use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use watchroom_kit::{ExposeSecret, FieldFault, SecretString};
use watchroom_mail::Content;
use watchroom_model::UserId;
use watchroom_policy::{Permit, Principal, Resource, Trail, act};
use watchroom_store::{Changed, StoreError};

use super::{IssuedLink, LinkError, LinkKind, NewLink, spend, void, void_ways_in};
use crate::Identity;
use crate::csrf::same;
use crate::sessions::end_sessions;
use crate::sign_in::just_proven;
use crate::users::{UserStatus, all_of, held_everywhere, is_active, with_hash};

/// What the form behind the link sends.
#[derive(Debug)]
pub struct ResetByLink {
    /// The secret of the link.
    pub code: SecretString,
    /// The new password.
    pub new: SecretString,
    /// The new one again.
    pub confirm: SecretString,
}

impl Identity {
    /// Makes a link by which the owner of the account that the permit was given for chooses a new password. Earlier ones
    /// end. It goes by mail if `by_mail` and that can be; otherwise it is shown once.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn offer_reset(
        &self,
        permit: &Permit<act::OfferReset>,
        by_mail: bool,
    ) -> Result<IssuedLink, LinkError> {
        let user = permit.resource().owner().ok_or(LinkError::Unknown)?;
        let account = self.inner.roll.account(user).ok_or(LinkError::Unknown)?;
        if !held_everywhere(permit.principal()).covers(all_of(&account.grants)) {
            return Err(LinkError::MoreThanOwn);
        }
        let mut new = NewLink::mint(&self.inner.ambient, LinkKind::Reset, permit.principal().user());
        new.row.user_id = Set(Some(user.to_string()));
        let content = Content::PasswordReset {
            name: account.name.clone(),
            link: new.link.clone(),
            hours: new.hours,
        };
        let to = account.email.clone().filter(|_| by_mail);
        let letter = match &to {
            Some(to) => self.inner.mail.draft(to, Some(user), &content)?,
            None => None,
        };
        let mailed_to = to.filter(|_| letter.is_some());
        let now = self.inner.ambient.clock.now_micros();
        let (row, by_mail) = (new.row.clone(), mailed_to.is_some());
        let written = self.inner.store.write(permit, async move |tx| {
            void(tx, LinkKind::Reset, user, now).await?;
            tx.insert(row.clone()).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.note("by_mail", by_mail);
            Ok::<_, StoreError>(())
        });
        written.await?;
        Ok(new.issued(self, mailed_to))
    }

    /// Sets the password of the account that the link was made for, and ends all its sessions. The link is spent by success
    /// alone.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn reset_by_link(&self, trail: &Trail, reset: ResetByLink) -> Result<(), LinkError> {
        let link = self.link(LinkKind::Reset, &reset.code).await?;
        let user: UserId = link
            .user_id
            .as_deref()
            .and_then(|user| user.parse().ok())
            .ok_or(LinkError::Over)?;
        let account = self.inner.roll.account(user).ok_or(LinkError::Over)?;
        let may_be = self.is_still_given(&link, all_of(&account.grants));
        if account.status != UserStatus::Active || !may_be {
            return Err(LinkError::Over);
        }
        let person = Arc::new(just_proven(&account, self.inner.ambient.now()));
        self.find_unlocked::<LinkError>(&person, trail).await?;
        let names = [account.name.as_str(), account.display_name.as_str()];
        let mut faults = self
            .inner
            .config
            .password
            .faults("new_password", &reset.new, &names);
        if !same(reset.new.expose_secret(), reset.confirm.expose_secret()) {
            let rule = "type the new password twice, the same each time";
            faults.push(FieldFault::new("confirm_password", "differs", rule));
        }
        if !faults.is_empty() {
            return Err(LinkError::Password(faults));
        }
        let hash = self.hash_new(reset.new, trail).await?;
        let permit = self.permit(
            &Arc::new(Principal::stranger()),
            trail,
            act::ResetByLink,
            &Resource::user(user),
        )?;
        let letter = self.letter(
            &account,
            &Content::PasswordChanged {
                name: account.name.clone(),
                place: self.seen_at(trail),
                by_another: false,
            },
        );
        let now = self.inner.ambient.clock.now_micros();
        let code = reset.code;
        let written = self.inner.store.write(&permit, async move |tx| {
            let text = user.to_string();
            if spend(tx, LinkKind::Reset, &code, now).await?.is_none() || !is_active(tx, &text).await? {
                return Err(LinkError::Over);
            }
            tx.update(with_hash(&text, &hash)).await?;
            void_ways_in(tx, user, now).await?;
            end_sessions(tx, &text, None).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        Ok(self.reread(user).await?)
    }
}
