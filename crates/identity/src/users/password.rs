//! Changing one's own password, and setting another's. Both end the sessions that the old one opened.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use watchroom_kit::{ExposeSecret, Fault, FaultKind, FieldFault, SecretString};
use watchroom_mail::Content;
use watchroom_policy::{Permit, Trail, act};
use watchroom_store::{Changed, StoreError};

use super::{all_of, held_everywhere};
use crate::Identity;
use crate::csrf::same;
use crate::entity::{session, user};
use crate::hashing::HashError;
use crate::links::void_ways_in;
use crate::lockout::Place;
use crate::roll::Account;
use crate::sessions::{NewCookie, Session, SignedIn, end_sessions, give_cookie};
use crate::sign_in::{Attempt, SignInError};

/// What the form for one's own password sends.
#[derive(Debug)]
pub struct ChangePassword {
    /// The password until now.
    pub old: SecretString,
    /// The new one.
    pub new: SecretString,
    /// The new one again.
    pub confirm: SecretString,
}

/// Why one's own password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The old password was refused, as at sign-in.
    #[error(transparent)]
    Old(#[from] SignInError),
    /// The new password breaks these rules.
    #[error("the new password breaks {} rules", .0.len())]
    New(Vec<FieldFault>),
    /// The session ended meanwhile, or is not the account's.
    #[error("the session has ended")]
    Ended,
    /// The new password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChangePasswordError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Old(error) => Some(error),
            Self::Hashing(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::New(_) | Self::Ended => None,
        }
    }
}

impl Fault for ChangePasswordError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::New(_) => FaultKind::Invalid,
            _ => self.inner().map_or(FaultKind::Unauthenticated, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::New(_) => "invalid-input",
            _ => self.inner().map_or("not-signed-in", Fault::slug),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::New(_) => "the new password will not do".to_owned(),
            _ => self.inner().map_or_else(
                || "your session has ended; sign in again".to_owned(),
                Fault::public,
            ),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::New(faults) => faults.clone(),
            Self::Old(SignInError::Wrong { .. }) => {
                vec![FieldFault::new(
                    "old_password",
                    "wrong",
                    "this is not your password until now",
                )]
            }
            _ => Vec::new(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        self.inner().map(Fault::members).unwrap_or_default()
    }

    fn retry_after_s(&self) -> Option<u64> {
        self.inner().and_then(Fault::retry_after_s)
    }
}

/// Why another's password was not set.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// There is no such account.
    #[error("no such account")]
    Unknown,
    /// The account holds more than whoever wants to take it over.
    #[error("the account holds more than whoever wants to set its password")]
    MoreThanOwn,
    /// The new password breaks these rules.
    #[error("the new password breaks {} rules", .0.len())]
    New(Vec<FieldFault>),
    /// The new password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for ResetPasswordError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unknown => FaultKind::NotFound,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::New(_) => FaultKind::Invalid,
            Self::Hashing(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Unknown => "not-found",
            Self::MoreThanOwn => "more-than-own",
            Self::New(_) => "invalid-input",
            Self::Hashing(error) => error.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Unknown => "there is no such account".to_owned(),
            Self::MoreThanOwn => "this person holds more than you; ask an administrator".to_owned(),
            Self::New(_) => "the new password is not strong enough".to_owned(),
            Self::Hashing(error) => error.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::New(faults) => faults.clone(),
            _ => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Hashing(error) => error.retry_after_s(),
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

impl Identity {
    /// Changes one's own password, ends all other sessions and gives this one a new cookie. A wrong old
    /// password counts towards the lockout.
    ///
    /// # Errors
    /// [`ChangePasswordError`].
    pub async fn change_password(
        &self,
        permit: &Permit<act::ChangePassword>,
        session: &Session,
        change: ChangePassword,
    ) -> Result<SignedIn, ChangePasswordError> {
        let of = permit.resource().owner().filter(|user| *user == session.user);
        let account = of
            .and_then(|user| self.inner.roll.account(user))
            .ok_or(ChangePasswordError::Ended)?;
        let faults = self.new_password_faults(&account, &change);
        if !faults.is_empty() {
            return Err(ChangePasswordError::New(faults));
        }
        let attempt = Attempt {
            trail: permit.trail(),
            name: account.name.as_str(),
            place: Place::Session(session.id),
            principal: permit.principal(),
            is_whole: true,
        };
        self.check_password(&attempt, Some(&account), change.old).await?;
        let hash = self.hash_new(change.new, permit.trail()).await?;
        let letter = self.letter(&account, &self.changed(&account, permit.trail(), false));
        let cookie = NewCookie::mint(&self.inner.ambient);
        let (digest, now) = (cookie.digest.to_string(), self.inner.ambient.clock.now_micros());
        let (user, id) = (account.id, session.id.to_string());
        let changed = self.inner.store.write(permit, async move |tx| {
            let text = user.to_string();
            tx.update(with_hash(&text, &hash)).await?;
            void_ways_in(tx, user, now).await?;
            end_sessions(tx, &text, Some(&id)).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            let renewed = give_cookie(session::Entity::update_many(), &digest)
                .col_expr(session::Column::ProvenAt, Expr::value(now))
                .col_expr(session::Column::PasswordAt, Expr::value(now))
                .filter(session::Column::Id.eq(id.clone()));
            tx.changed(Changed::User(user));
            // Without its session the change would leave nobody who knows that it happened.
            if tx.update(renewed).await? == 0 {
                Err(ChangePasswordError::Ended)
            } else {
                Ok(())
            }
        });
        changed.await?;
        self.reread(user).await?;
        self.signed_in(cookie).ok_or(ChangePasswordError::Ended)
    }

    /// Sets the password of the account that the permit was given for, and ends all its sessions.
    ///
    /// # Errors
    /// [`ResetPasswordError`].
    pub async fn reset_password(
        &self,
        permit: &Permit<act::ResetPassword>,
        new: SecretString,
    ) -> Result<(), ResetPasswordError> {
        let user = permit.resource().owner().ok_or(ResetPasswordError::Unknown)?;
        let account = self.inner.roll.account(user).ok_or(ResetPasswordError::Unknown)?;
        if !held_everywhere(permit.principal()).covers(all_of(&account.grants)) {
            return Err(ResetPasswordError::MoreThanOwn);
        }
        let faults = self.password_faults("password", &account, &new);
        if !faults.is_empty() {
            return Err(ResetPasswordError::New(faults));
        }
        let hash = self.hash_new(new, permit.trail()).await?;
        let letter = self.letter(&account, &self.changed(&account, permit.trail(), true));
        let now = self.inner.ambient.clock.now_micros();
        let reset = self.inner.store.write(permit, async move |tx| {
            let text = user.to_string();
            if tx.update(with_hash(&text, &hash)).await? == 0 {
                return Err(ResetPasswordError::Unknown);
            }
            void_ways_in(tx, user, now).await?;
            end_sessions(tx, &text, None).await?;
            if let Some(letter) = &letter {
                letter.put(tx).await?;
            }
            tx.changed(Changed::User(user));
            Ok(())
        });
        reset.await?;
        Ok(self.reread(user).await?)
    }

    fn changed(&self, account: &Account, trail: &Trail, by_another: bool) -> Content {
        Content::PasswordChanged {
            name: account.name.clone(),
            place: self.seen_at(trail),
            by_another,
        }
    }

    fn new_password_faults(&self, account: &Account, change: &ChangePassword) -> Vec<FieldFault> {
        let mut faults = self.password_faults("new_password", account, &change.new);
        if !same(change.new.expose_secret(), change.confirm.expose_secret()) {
            let rule = "type the new password twice, the same each time";
            faults.push(FieldFault::new("confirm_password", "differs", rule));
        }
        if same(change.new.expose_secret(), change.old.expose_secret()) {
            faults.push(FieldFault::new(
                "new_password",
                "unchanged",
                "choose a password other than the old one",
            ));
        }
        faults
    }

    fn password_faults(&self, field: &str, account: &Account, password: &SecretString) -> Vec<FieldFault> {
        let names = [account.name.as_str(), account.display_name.as_str()];
        self.inner.config.password.faults(field, password, &names)
    }
}

pub(crate) fn with_hash(user: &str, hash: &str) -> sea_orm::UpdateMany<user::Entity> {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash.to_owned()))
        .filter(user::Column::Id.eq(user))
}
