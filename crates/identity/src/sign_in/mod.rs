//! Signing in with user name and password, and with a code after that where a second factor is needed.

mod attempt;
mod begun;
mod second;

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_kit::{Fault, FaultKind, SecretString};
use watchroom_policy::{Principal, Proof, Refusal, SecondFactor, Trail, Who, act};
use watchroom_policy::{Resource, ResourceKind};
use watchroom_store::StoreError;

pub(crate) use attempt::{Attempt, RightCode};
pub(crate) use begun::{Begun, First};
pub use second::SecondStepError;

use crate::digest::Digest;
use crate::hashing::HashError;
use crate::roll::Account;
use crate::sessions::{NewSession, SignedIn};
use crate::{Identity, Method, VaultError, stamp};

/// What the sign-in form sends.
#[derive(Debug)]
pub struct SignIn {
    /// The user name, as typed.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// Whether the browser asks to be remembered.
    pub remember_me: bool,
    /// What the browser shows of earlier sign-ins ([`SignedIn::device`]).
    pub device: Option<String>,
}

/// Why nobody was signed in. The same for names that exist and names that do not.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password is wrong, or the account is disabled.
    #[error("a sign-in was refused, {remaining_attempts} attempts remain")]
    Wrong {
        /// Failures that are left before the account is locked for this network.
        remaining_attempts: u32,
        /// Until when it is locked, if this failure was the last one.
        locked_until: Option<OffsetDateTime>,
    },
    /// Too many failures: not even the right password is looked at.
    #[error("a sign-in at a locked account")]
    Locked {
        /// Until when.
        until: OffsetDateTime,
        /// Seconds until then.
        retry_after_s: u64,
    },
    /// Nobody signs in that way here, whatever they bring.
    #[error("signing in with {0} is switched off")]
    SwitchedOff(Method),
    /// More sign-ins at once than can be checked, or a defect.
    #[error(transparent)]
    Hashing(#[from] HashError),
    /// A secret of the account does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for SignInError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Wrong { .. } => FaultKind::Unauthenticated,
            Self::Locked { .. } => FaultKind::Locked,
            Self::SwitchedOff(_) => FaultKind::Forbidden,
            Self::Hashing(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Forbidden(refusal) => refusal.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Wrong { .. } => "sign-in-refused",
            Self::Locked { .. } => "sign-in-locked",
            Self::SwitchedOff(_) => "method-off",
            Self::Hashing(error) => error.slug(),
            Self::Vault(error) => error.slug(),
            Self::Forbidden(refusal) => refusal.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Wrong {
                locked_until: Some(_),
                ..
            } => "user name or password is wrong; sign-in is now locked for a while".to_owned(),
            Self::Wrong {
                remaining_attempts, ..
            } => {
                format!("user name or password is wrong; {remaining_attempts} attempts remain")
            }
            Self::Locked { retry_after_s, .. } => {
                format!(
                    "too many failed sign-ins; try again in {} minutes",
                    retry_after_s.div_ceil(60)
                )
            }
            Self::SwitchedOff(method) => format!("nobody signs in with {method} here; use another way"),
            Self::Hashing(error) => error.public(),
            Self::Vault(error) => error.public(),
            Self::Forbidden(refusal) => refusal.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        let until = |at: &OffsetDateTime| ("locked_until", json!(at.format(&Rfc3339).unwrap_or_default()));
        match self {
            Self::Wrong {
                remaining_attempts,
                locked_until,
            } => {
                let remaining = ("remaining_attempts", json!(remaining_attempts));
                std::iter::once(remaining)
                    .chain(locked_until.as_ref().map(until))
                    .collect()
            }
            Self::Locked { until: at, .. } => vec![until(at)],
            Self::Forbidden(refusal) => refusal.members(),
            Self::SwitchedOff(_) | Self::Hashing(_) | Self::Vault(_) | Self::Store(_) => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Locked { retry_after_s, .. } => Some(*retry_after_s),
            Self::Hashing(error) => error.retry_after_s(),
            Self::Store(error) => error.retry_after_s(),
            Self::Wrong { .. } | Self::SwitchedOff(_) | Self::Vault(_) | Self::Forbidden(_) => None,
        }
    }
}

impl Identity {
    /// Signs a person in. Each success is a session of its own; where a second factor is needed it is half a one, which
    /// may prove or enrol that and nothing else ([`crate::Session::is_half`]).
    ///
    /// # Errors
    /// [`SignInError`]; failures are written down and count towards the lockout.
    pub async fn sign_in(&self, trail: &Trail, sign_in: SignIn) -> Result<SignedIn, SignInError> {
        self.sign_in_as(trail, sign_in, None).await
    }

    /// The same for a program, which goes on by this token.
    pub(crate) async fn sign_in_as(
        &self,
        trail: &Trail,
        sign_in: SignIn,
        program: Option<Digest>,
    ) -> Result<SignedIn, SignInError> {
        self.find_offered(Method::Password)?;
        let account = self.inner.roll.named(&sign_in.username);
        let stranger = Arc::new(Principal::stranger());
        let standing = account.as_ref().map(|account| account.standing(false));
        let shown = sign_in.device.as_deref();
        let user = account.as_deref().map(|account| account.id);
        let attempt = Attempt {
            trail,
            name: &sign_in.username,
            place: self.place(trail, user, shown),
            principal: &stranger,
            is_whole: standing != Some(SecondFactor::ToProve),
        };
        let proven = self
            .check_password(&attempt, account.as_deref(), sign_in.password)
            .await?;
        let Some(account) = account else {
            return Err(self.wrong(&attempt));
        };

        let principal = Arc::new(just_proven(&account, self.inner.ambient.now()));
        self.find_unlocked::<SignInError>(&principal, trail).await?;
        let permit = self.permit(
            &principal,
            trail,
            act::SignIn,
            &Resource::all(ResourceKind::Session),
        )?;
        let new = NewSession::mint(
            &self.inner.ambient,
            &self.inner.config.session,
            account.id,
            trail,
            sign_in.remember_me,
        )
        .by_password();
        let new = match program {
            Some(refresh) => new.for_program(&self.inner.config.jwt, refresh),
            None => new,
        };
        let begun = Begun {
            user: account.id,
            first: First::Password {
                checked: account.password_hash.clone(),
                stronger: proven.stronger,
            },
            session: new.row,
            session_id: new.id.to_string(),
            at: self.inner.ambient.clock.now_micros(),
            is_half: account.standing(false).is_lacking(),
            letter: match account.standing(false).is_lacking() {
                true => None,
                false => self.letter_of_device(&account, trail, shown),
            },
        };
        let is_begun = self
            .inner
            .store
            .write(&permit, async move |tx| begun.write(tx).await)
            .await?;
        if !is_begun {
            return Err(self.wrong(&attempt));
        }
        self.reread(account.id).await?;
        let signed_in = self.signed_in(new.cookie).ok_or_else(|| self.wrong(&attempt))?;
        Ok(self.known(signed_in, shown))
    }
}

/// A person as they are once they have proven the first factor: what signing in is asked in the name of.
pub(crate) fn just_proven(account: &Account, now: OffsetDateTime) -> Principal {
    Principal {
        who: Who::User {
            id: account.id,
            name: account.name.clone(),
        },
        grants: account.usable.clone(),
        ceiling: None,
        proof: Proof {
            fresh_at: Some(now),
            ..Proof::default()
        },
        locked_until: account.locked_until,
    }
}

/// A lock as a person is told of it.
pub(crate) fn locked(until: i64, now: i64) -> SignInError {
    SignInError::Locked {
        until: stamp::at(until),
        retry_after_s: stamp::seconds_until(until, now),
    }
}
