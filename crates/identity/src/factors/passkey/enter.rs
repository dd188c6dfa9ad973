//! Signing in with a passkey and nothing else. Its authenticator has made sure of its person, so it is two factors at once.

use std::sync::Arc;

use serde_json::Value;
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Principal, Refusal, Resource, ResourceKind, Trail, act};
use watchroom_store::StoreError;

use super::challenge::{Purpose, is_spent};
use super::{PasskeyAnswer, Site};
use crate::factors::{Shown, Spending};
use crate::sessions::{NewSession, SignedIn};
use crate::sign_in::{Attempt, Begun, First, SignInError, just_proven};
use crate::{Identity, Method};

/// What the sign-in page sends of a passkey.
#[derive(Debug)]
pub struct PasskeySignIn<'a> {
    /// What the browser brings.
    pub answer: &'a PasskeyAnswer,
    /// Where it asks.
    pub site: &'a Site,
    /// The cookie for which the challenge was made.
    pub pre_session: &'a str,
    /// Whether the browser asks to be remembered.
    pub remember_me: bool,
    /// What the browser shows of earlier sign-ins ([`SignedIn::device`]).
    pub device: Option<&'a str>,
}

/// Why nobody was signed in. The same for keys that are known and keys that are not.
#[derive(Debug, thiserror::Error)]
pub enum PasskeySignInError {
    /// The key was refused, as a password is.
    #[error(transparent)]
    Refused(#[from] SignInError),
    /// The challenge is over, or another browser's.
    #[error("the challenge is over, or not this browser's")]
    Over,
    /// The challenge was taken at this very moment; told as any wrong answer.
    #[error("the challenge was taken already")]
    Spent,
    /// The key's count went back: there are two of it. Told as any wrong answer.
    #[error("the key's count went back")]
    Cloned,
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for PasskeySignInError {
    fn from(error: StoreError) -> Self {
        match is_spent(&error) {
            true => Self::Spent,
            false => Self::Store(error),
        }
    }
}

impl PasskeySignInError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Forbidden(refusal) => Some(refusal.as_ref()),
            Self::Store(error) => Some(error),
            Self::Over | Self::Spent | Self::Cloned => None,
        }
    }
}

impl Fault for PasskeySignInError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Over => FaultKind::Conflict,
            _ => self.inner().map_or(FaultKind::Unauthenticated, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Over => "passkey-over",
            _ => self.inner().map_or("sign-in-refused", Fault::slug),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Over => "that took too long; try again".to_owned(),
            Self::Refused(SignInError::Wrong { .. }) => "that passkey opens nothing here".to_owned(),
            _ => self
                .inner()
                .map_or_else(|| "that passkey opens nothing here".to_owned(), Fault::public),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        self.inner().map(Fault::members).unwrap_or_default()
    }

    fn retry_after_s(&self) -> Option<u64> {
        self.inner().and_then(Fault::retry_after_s)
    }
}

impl Identity {
    /// Signs in whoever has proven a passkey of theirs. The session has proven two factors.
    ///
    /// # Errors
    /// [`PasskeySignInError`]; failures are written down and count towards the lockout, as wrong passwords do.
    pub async fn sign_in_by_passkey(
        &self,
        trail: &Trail,
        sign_in: PasskeySignIn<'_>,
    ) -> Result<SignedIn, PasskeySignInError> {
        self.find_offered(Method::Passkey)?;
        let bound = (Purpose::SignIn, sign_in.pre_session);
        let presented = self
            .presented(bound, sign_in.site, sign_in.answer)
            .ok_or(PasskeySignInError::Over)?;
        let account = self.inner.roll.with_passkey(&sign_in.answer.id);
        let stranger = Arc::new(Principal::stranger());
        let user = account.as_deref().map(|account| account.id);
        // A key that nobody has is counted like a name that nobody has.
        let name = account
            .as_deref()
            .map_or_else(|| sign_in.answer.id.clone(), |account| account.name.to_string());
        let attempt = Attempt {
            trail,
            name: &name,
            place: self.place(trail, user, sign_in.device),
            principal: &stranger,
            is_whole: true,
        };
        let shown = Shown::Passkey(&presented);
        let right = self.check_factor(&attempt, account.as_deref(), &shown).await?;
        let Some(account) = account else {
            return Err(self.wrong(&attempt).into());
        };
        let principal = Arc::new(just_proven(&account, self.inner.ambient.now()));
        if let Err(kept_out) = self.find_unlocked::<PasskeySignInError>(&principal, trail).await {
            self.forgive(&attempt, right.allowed);
            return Err(kept_out);
        }
        let on = Resource::all(ResourceKind::Session);
        let permit = self.permit(&principal, trail, act::SignIn, &on)?;
        let (ambient, rules) = (&self.inner.ambient, &self.inner.config.session);
        let new = NewSession::mint(ambient, rules, account.id, trail, sign_in.remember_me).by_passkey();
        let at = ambient.clock.now_micros();
        let begun = Begun {
            user: account.id,
            first: First::Passkey,
            session: new.row,
            session_id: new.id.to_string(),
            at,
            is_half: false,
            letter: self.letter_of_device(&account, trail, sign_in.device),
        };
        let code = right.code;
        let written = self.inner.store.write(&permit, async move |tx| {
            match code.spend(tx, at).await? {
                Spending::Taken => {}
                Spending::Before => return Err(PasskeySignInError::Spent),
                Spending::Cloned => return Err(PasskeySignInError::Cloned),
            }
            match begun.write(tx).await? {
                true => Ok(()),
                // Disabled at this very moment.
                false => Err(PasskeySignInError::Spent),
            }
        });
        match written.await {
            Err(error @ (PasskeySignInError::Spent | PasskeySignInError::Cloned)) => {
                if matches!(error, PasskeySignInError::Cloned) {
                    self.suspect_clone(&principal, trail, account.id, code).await?;
                }
                return Err(self.spent(&attempt, &account, right.allowed).await.into());
            }
            other => other?,
        }
        self.forgive(&attempt, right.allowed);
        self.reread(account.id).await?;
        let signed_in = self.signed_in(new.cookie);
        let signed_in = signed_in.ok_or_else(|| self.wrong(&attempt))?;
        Ok(self.known(signed_in, sign_in.device))
    }
}
