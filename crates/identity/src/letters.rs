//! Telling people by mail what happened to their accounts.

use watchroom_mail::{Content, Draft, Place, Words};
use watchroom_model::UserId;
use watchroom_policy::Trail;

use crate::Identity;
use crate::roll::Account;

impl Identity {
    /// A letter to the owner of an account, to be put into the outbox with the change that it tells of. None where mail
    /// is not sent or they have no address.
    pub(crate) fn letter(&self, account: &Account, content: &Content) -> Option<Draft> {
        let to = account.email.as_ref()?;
        match self.inner.mail.draft(to, Some(account.id), content) {
            Ok(draft) => draft,
            Err(error) => {
                // The change is worth more than the letter.
                tracing::error!(%error, user.id = %account.id, letter.kind = content.kind(), "a letter was not written");
                None
            }
        }
    }

    /// From where somebody acts, as letters tell it.
    pub(crate) fn seen_at(&self, trail: &Trail) -> Place {
        Place {
            at: self.inner.ambient.now(),
            address: trail.source_ip,
            browser: trail.user_agent.as_deref().map(Words::of),
        }
    }

    /// Tells the owner that an identity elsewhere was tied to the account, or untied: a lasting way in.
    pub(crate) fn letter_of_identities(&self, user: UserId, trail: &Trail, is_tied: bool) -> Option<Draft> {
        let account = self.inner.roll.account(user)?;
        let (name, place) = (account.name.clone(), self.seen_at(trail));
        self.letter(&account, &Content::IdentitiesChanged { name, place, is_tied })
    }

    /// Tells the owner that a browser signs in which was not known before, once the sign-in is whole.
    pub(crate) fn letter_of_device(
        &self,
        account: &Account,
        trail: &Trail,
        shown: Option<&str>,
    ) -> Option<Draft> {
        let now = self.inner.ambient.clock.now_micros();
        let is_known = shown.is_some_and(|shown| self.inner.devices.find(shown, account.id, now).is_some());
        if is_known {
            return None;
        }
        let (name, place) = (account.name.clone(), self.seen_at(trail));
        self.letter(account, &Content::NewDevice { name, place })
    }
}
