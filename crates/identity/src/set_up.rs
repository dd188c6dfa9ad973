//! The first administrator: made once, by a one-time code that only whoever starts the Host can read.

use sea_orm::EntityTrait;
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use watchroom_kit::{ExposeSecret, Fault, FaultKind, FieldFault, SecretString};
use watchroom_model::{DisplayName, UserId, UserName};
use watchroom_policy::{Refusal, Resource, ResourceKind, Trail, act};
use watchroom_store::{Changed, StoreError};

use data_encoding::BASE32_NOPAD;
use watchroom_policy::Principal;

use crate::digest::Digest;
use crate::entity::user;
use crate::hashing::HashError;
use crate::sessions::{NewSession, SignedIn};
use crate::users::NewAccount;
use crate::{Identity, stamp};

/// How long a code holds, in seconds.
const HOLDS_S: u32 = 3_600;

/// A fresh set-up code.
#[derive(Debug)]
pub struct SetupCode {
    /// The code: 160 random bits as 32 lower-case letters and digits.
    pub code: SecretString,
    /// Until when it holds.
    pub expires_at: OffsetDateTime,
}

/// What is kept of the code.
#[derive(Debug)]
pub(crate) struct PendingCode {
    digest: Digest,
    until: i64,
}

/// What the set-up form sends.
#[derive(Debug)]
pub struct SetUp {
    /// The one-time code.
    pub code: SecretString,
    /// The first administrator's user name.
    pub name: UserName,
    /// Their name as others see it.
    pub display_name: DisplayName,
    /// Their password.
    pub password: SecretString,
    /// What else they allow with it, by name and value, for the entry.
    pub allowed: Vec<(&'static str, String)>,
}

/// Why there is no first administrator now.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// There is an account already.
    #[error("set-up has been done already")]
    Done,
    /// The code is wrong, used or older than an hour.
    #[error("the set-up code is wrong or over")]
    Code,
    /// The password breaks these rules.
    #[error("the first administrator's password breaks {} rules", .0.len())]
    Password(Vec<FieldFault>),
    /// The password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashError),
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for SetUpError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Done => FaultKind::Gone,
            Self::Code => FaultKind::Forbidden,
            Self::Password(_) => FaultKind::Invalid,
            Self::Hashing(error) => error.kind(),
            Self::Forbidden(refusal) => refusal.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Done => "set-up-done",
            Self::Code => "set-up-code",
            Self::Password(_) => "invalid-input",
            Self::Hashing(error) => error.slug(),
            Self::Forbidden(refusal) => refusal.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Done => "this Watchroom has been set up already; sign in".to_owned(),
            Self::Code => {
                "the code is wrong, used or older than an hour; restart Watchroom for a new one".to_owned()
            }
            Self::Password(_) => "the password is not strong enough".to_owned(),
            Self::Hashing(error) => error.public(),
            Self::Forbidden(refusal) => refusal.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Password(faults) => faults.clone(),
            _ => Vec::new(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Forbidden(refusal) => refusal.members(),
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
    /// A new code for the first administrator while there is no account at all; it replaces the last one.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be asked whether there is an account.
    pub async fn setup_code(&self) -> Result<Option<SetupCode>, StoreError> {
        if self
            .inner
            .store
            .read()
            .await?
            .one(user::Entity::find())
            .await?
            .is_some()
        {
            return Ok(None);
        }
        let code = BASE32_NOPAD
            .encode(&self.inner.ambient.entropy.bytes::<20>())
            .to_ascii_lowercase();
        let until = self.inner.ambient.clock.now_micros() + stamp::seconds(HOLDS_S);
        *self.pending_code() = Some(PendingCode {
            digest: Digest::of(&code),
            until,
        });
        Ok(Some(SetupCode {
            code: code.into(),
            expires_at: stamp::at(until),
        }))
    }

    /// Makes the first administrator and signs them in. The code is spent by success alone, so that a password
    /// that is too weak can be mended.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub async fn set_up(&self, trail: &Trail, set_up: SetUp) -> Result<SignedIn, SetUpError> {
        if self.is_set_up() {
            return Err(SetUpError::Done);
        }
        self.check_code(&set_up.code)?;
        let names = [set_up.name.as_str(), set_up.display_name.as_str()];
        let faults = self
            .inner
            .config
            .password
            .faults("password", &set_up.password, &names);
        if !faults.is_empty() {
            return Err(SetUpError::Password(faults));
        }
        let hash = self.hash_new(set_up.password, trail).await?;
        let permit = self.permit(
            &Arc::new(Principal::stranger()),
            trail,
            act::SetUp,
            &Resource::all(ResourceKind::Host),
        )?;
        let user = UserId::mint(&self.inner.ambient);
        let account = NewAccount {
            id: user,
            name: set_up.name,
            display_name: set_up.display_name,
            email: None,
            call_sign: None,
            password_hash: Some(hash),
            at: self.inner.ambient.clock.now_micros(),
        };
        let new = NewSession::mint(
            &self.inner.ambient,
            &self.inner.config.session,
            user,
            trail,
            false,
        )
        .by_password();
        let grant = self.new_grant(user, "admin".to_owned(), None);
        let first_session = new.row;
        let written = self.inner.store.write(&permit, async move |tx| {
            // The writer runs one change after the other: of two set-ups at once the second finds the first.
            if tx.one(user::Entity::find()).await?.is_some() {
                return Err(SetUpError::Done);
            }
            account.insert_with(tx, &grant).await?;
            tx.insert(first_session.clone()).await?;
            tx.note("user", user.to_string());
            for (name, value) in &set_up.allowed {
                tx.note(name, value.clone());
            }
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        *self.pending_code() = None;
        self.reread(user).await?;
        let signed_in = self.signed_in(new.cookie).ok_or(SetUpError::Done)?;
        Ok(self.known(signed_in, None))
    }

    fn check_code(&self, code: &SecretString) -> Result<(), SetUpError> {
        let given = Digest::of(code.expose_secret().trim());
        let now = self.inner.ambient.clock.now_micros();
        match &*self.pending_code() {
            Some(pending) if pending.digest == given && now < pending.until => Ok(()),
            _ => Err(SetUpError::Code),
        }
    }
}
