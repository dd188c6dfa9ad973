//! The second step of signing in: a code or a passkey, after the password. Until then the session may do nothing else, and for five
//! minutes only; a right code gives it a new cookie and all that the person holds.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use watchroom_kit::{Fault, FaultKind, SecretString};
use watchroom_mail::Draft;
use watchroom_model::UserId;
use watchroom_policy::{Refusal, SecondFactor, Trail, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::{Attempt, SignInError};
use crate::Identity;
use crate::entity::{session, user};
use crate::factors::{Code, PasskeyAnswer, Shown, Site, Spending, is_spent};
use crate::sessions::{NewCookie, Session, SignedIn, give_cookie};

/// Why a second factor was not proven.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// The code was refused, as a password is.
    #[error(transparent)]
    Refused(#[from] SignInError),
    /// The session has none to prove.
    #[error("the session has no second factor to prove")]
    NotAsked,
    /// The session ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// The code was used at this very moment; told as any wrong one.
    #[error("the code was used already")]
    Spent,
    /// The challenge for a passkey is over, or another browser's.
    #[error("the challenge is over, or not this browser's")]
    Over,
    /// The passkey's count went back: there are two of it. Told as any wrong one.
    #[error("the passkey's count went back")]
    Cloned,
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SecondStepError {
    fn from(error: StoreError) -> Self {
        match is_spent(&error) {
            true => Self::Spent,
            false => Self::Store(error),
        }
    }
}

impl SecondStepError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Forbidden(refusal) => Some(refusal.as_ref()),
            Self::Store(error) => Some(error),
            Self::NotAsked | Self::Ended | Self::Spent | Self::Over | Self::Cloned => None,
        }
    }
}

impl Fault for SecondStepError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotAsked | Self::Over => FaultKind::Conflict,
            _ => self.inner().map_or(FaultKind::Unauthenticated, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotAsked => "second-factor-not-asked",
            Self::Over => "passkey-over",
            Self::Refused(SignInError::Wrong { .. }) | Self::Spent | Self::Cloned => "second-factor-refused",
            _ => self.inner().map_or("not-signed-in", Fault::slug),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotAsked => "there is no second factor to prove now".to_owned(),
            Self::Refused(SignInError::Wrong {
                locked_until: Some(_),
                ..
            }) => "the code is wrong or was used before; sign-in is now locked for a while".to_owned(),
            Self::Refused(SignInError::Wrong {
                remaining_attempts, ..
            }) => format!("the code is wrong or was used before; {remaining_attempts} attempts remain"),
            Self::Spent | Self::Cloned => "the code is wrong or was used before".to_owned(),
            Self::Over => "that took too long; try again".to_owned(),
            _ => self.inner().map_or_else(
                || "your session has ended; sign in again".to_owned(),
                Fault::public,
            ),
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
    /// Proves the second factor of a session that has proven the first: by a code of a device or a recovery code, each of
    /// which is taken once. Failures count towards the lockout as wrong passwords do. `device` is what the browser shows
    /// of earlier sign-ins ([`SignedIn::device`]).
    ///
    /// # Errors
    /// [`SecondStepError`].
    pub async fn prove_second_factor(
        &self,
        session: &Session,
        trail: &Trail,
        code: SecretString,
        device: Option<&str>,
    ) -> Result<SignedIn, SecondStepError> {
        self.prove_second(session, trail, &Shown::Code(&code), device)
            .await
    }

    /// As [`Identity::prove_second_factor`], by a passkey. After a password it is enough that somebody has it.
    ///
    /// # Errors
    /// [`SecondStepError`].
    pub async fn prove_second_by_passkey(
        &self,
        session: &Session,
        trail: &Trail,
        (site, answer): (&Site, &PasskeyAnswer),
        device: Option<&str>,
    ) -> Result<SignedIn, SecondStepError> {
        let presented = self.presented_as_second(session, site, answer);
        let presented = presented.ok_or(SecondStepError::Over)?;
        self.prove_second(session, trail, &Shown::Passkey(&presented), device)
            .await
    }

    async fn prove_second(
        &self,
        session: &Session,
        trail: &Trail,
        shown: &Shown<'_>,
        device: Option<&str>,
    ) -> Result<SignedIn, SecondStepError> {
        let permit = self.permit(&session.principal, trail, act::ProveSecondFactor, session)?;
        if session.principal.proof.second_factor != SecondFactor::ToProve {
            return Err(SecondStepError::NotAsked);
        }
        let account = self.inner.roll.account(session.user);
        let account = account.ok_or(SecondStepError::Ended)?;
        let attempt = Attempt {
            trail,
            name: account.name.as_str(),
            // Not the session's own place: whoever knows the password has as many sessions as they like.
            place: self.place(trail, Some(account.id), device),
            principal: &session.principal,
            is_whole: true,
        };
        let right = self.check_factor(&attempt, Some(&account), shown).await?;
        let cookie = NewCookie::mint(&self.inner.ambient);
        let second = Second {
            user: account.id,
            session: session.id.to_string(),
            digest: cookie.digest.to_string(),
            code: right.code,
            letter: self.letter_of_device(&account, trail, device),
            at: self.inner.ambient.clock.now_micros(),
        };
        let written = self
            .inner
            .store
            .write(&permit, async move |tx| second.write(tx).await);
        match written.await {
            Err(error @ (SecondStepError::Spent | SecondStepError::Cloned)) => {
                if matches!(error, SecondStepError::Cloned) {
                    self.suspect_clone(&session.principal, trail, account.id, right.code)
                        .await?;
                }
                return Err(self.spent(&attempt, &account, right.allowed).await.into());
            }
            other => other?,
        }
        self.forgive(&attempt, right.allowed);
        self.reread(account.id).await?;
        let risen = self.signed_in(cookie).ok_or(SecondStepError::Ended)?;
        self.touch(&risen.session);
        Ok(self.known(risen, device))
    }
}

/// What the second step writes.
struct Second {
    user: UserId,
    session: String,
    digest: String,
    code: Code,
    letter: Option<Draft>,
    at: i64,
}

impl Second {
    async fn write(&self, tx: &WriteTx) -> Result<(), SecondStepError> {
        match self.code.spend(tx, self.at).await? {
            Spending::Taken => {}
            Spending::Before => return Err(SecondStepError::Spent),
            Spending::Cloned => return Err(SecondStepError::Cloned),
        }
        let risen = give_cookie(session::Entity::update_many(), &self.digest)
            .col_expr(session::Column::SecondFactor, Expr::value(self.code.word()))
            .col_expr(session::Column::ProvenAt, Expr::value(self.at))
            .col_expr(session::Column::FactorAt, Expr::value(self.at))
            .filter(session::Column::Id.eq(self.session.clone()))
            .filter(session::Column::SecondFactor.is_null());
        if tx.update(risen).await? == 0 {
            return Err(SecondStepError::Ended);
        }
        let seen = user::Entity::update_many()
            .col_expr(user::Column::LastSignIn, Expr::value(self.at))
            .filter(user::Column::Id.eq(self.user.to_string()));
        tx.update(seen).await?;
        if let Some(letter) = &self.letter {
            letter.put(tx).await?;
        }
        tx.note_resource(format!("session:{}", self.session));
        tx.note("method", self.code.word());
        tx.changed(Changed::User(self.user));
        Ok(())
    }
}
