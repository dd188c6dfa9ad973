//! Step-up: proving again who one is, by password, code or passkey, for acts that need a fresh proof. The session gets a new
//! cookie.

use std::sync::Arc;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use watchroom_kit::{ExposeSecret, Fault, FaultKind, SecretString};
use watchroom_policy::{Permit, Refusal, Trail, act};
use watchroom_store::{Changed, StoreError};

use super::begin::{NewCookie, give_cookie};
use super::{Session, SignedIn};
use crate::Identity;
use crate::entity::session;
use crate::factors::{PasskeyAnswer, Shown, Site, Spending, is_code, is_spent};
use crate::lockout::Place;
use crate::roll::Account;
use crate::sign_in::{Attempt, RightCode, SignInError};

/// Why a session did not rise.
#[derive(Debug, thiserror::Error)]
pub enum StepUpError {
    /// What stood in the field of the password was refused, as at sign-in; or a passkey.
    #[error(transparent)]
    Refused(#[from] SignInError),
    /// What stood in the field of the code was refused; a password beside it was right.
    #[error(transparent)]
    RefusedCode(SignInError),
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The session ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// The code was used at this very moment; told as any wrong one.
    #[error("the code was used already")]
    Spent,
    /// The challenge for a passkey is over, or another session's.
    #[error("the challenge is over, or not this session's")]
    Over,
    /// The passkey's count went back: there are two of it. Told as any wrong one.
    #[error("the passkey's count went back")]
    Cloned,
    /// The account has neither a password nor a second factor here: it came by a provider, a directory or a link.
    #[error("the account has nothing here to prove itself by")]
    Nothing,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for StepUpError {
    fn from(error: StoreError) -> Self {
        match is_spent(&error) {
            true => Self::Spent,
            false => Self::Store(error),
        }
    }
}

impl StepUpError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Refused(error) | Self::RefusedCode(error) => Some(error),
            Self::Forbidden(refusal) => Some(refusal.as_ref()),
            Self::Store(error) => Some(error),
            Self::Ended | Self::Spent | Self::Over | Self::Cloned | Self::Nothing => None,
        }
    }
}

impl Fault for StepUpError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Over => FaultKind::Conflict,
            Self::Nothing => FaultKind::Forbidden,
            _ => self.inner().map_or(FaultKind::Unauthenticated, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Over => "passkey-over",
            Self::Nothing => "step-up-required",
            _ => self.inner().map_or("not-signed-in", Fault::slug),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Over => "that took too long; try again".to_owned(),
            Self::Nothing => "your account has neither a password nor a second factor here; sign out and in again, and do this within ten minutes".to_owned(),
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

/// What somebody gives who proves again who they are.
#[derive(Debug)]
pub enum Again {
    /// The password or a code by time, in a field that takes both: no password is as short as a code.
    Either(SecretString),
    /// The password.
    Password(SecretString),
    /// A code by time or a recovery code.
    Code(SecretString),
    /// All that the account has.
    Both {
        /// The password.
        password: SecretString,
        /// A code by time or a recovery code.
        code: SecretString,
    },
}

impl Again {
    /// The same, and what either was.
    fn of(self, account: &Account) -> Self {
        match self {
            Self::Either(proof) => {
                let typed = SecretString::from(proof.expose_secret().trim());
                match is_code(typed.expose_secret()) && !account.factors.is_empty() {
                    true => Self::Code(typed),
                    false => Self::Password(proof),
                }
            }
            known => known,
        }
    }
}

impl Identity {
    /// Proves again who sits before a session. It makes fresh what was given, and gives the session a new cookie; the old one
    /// is worth nothing from then on. Failures count towards the lockout.
    ///
    /// # Errors
    /// [`StepUpError`].
    pub async fn step_up(
        &self,
        session: &Session,
        trail: &Trail,
        again: Again,
    ) -> Result<SignedIn, StepUpError> {
        let (permit, account) = self.rising(session, trail)?;
        if account.password_hash.is_none() && !account.has_factor() {
            return Err(StepUpError::Nothing);
        }
        let attempt = trying(session, trail, &account);
        // A right password forgets no wrong codes: or whoever knows it could try codes without end.
        let by_password = Attempt {
            is_whole: !account.has_factor(),
            ..trying(session, trail, &account)
        };
        let shares_field = matches!(again, Again::Either(_));
        let proven = match again.of(&account) {
            Again::Code(code) => {
                let shown = Shown::Code(&code);
                let right = self.check_factor(&attempt, Some(&account), &shown).await;
                Risen::Code(right.map_err(|error| match shares_field {
                    true => StepUpError::Refused(error),
                    false => StepUpError::RefusedCode(error),
                })?)
            }
            Again::Password(password) | Again::Either(password) => {
                self.check_password(&by_password, Some(&account), password)
                    .await?;
                Risen::Password
            }
            Again::Both { password, code } => {
                let (_, allowed) = self.try_password(&by_password, Some(&account), password).await?;
                let shown = Shown::Code(&code);
                let right = self.judge_factor(&attempt, Some(&account), &shown, allowed).await;
                Risen::Both(right.map_err(StepUpError::RefusedCode)?)
            }
        };
        self.rise(session, (&permit, &attempt, &account), proven).await
    }

    /// As [`Identity::step_up`], by a passkey whose authenticator has made sure of its person.
    ///
    /// # Errors
    /// [`StepUpError`].
    pub async fn step_up_by_passkey(
        &self,
        session: &Session,
        trail: &Trail,
        site: &Site,
        answer: &PasskeyAnswer,
    ) -> Result<SignedIn, StepUpError> {
        let (permit, account) = self.rising(session, trail)?;
        let presented = self.presented_to_step_up(session, site, answer);
        let presented = presented.ok_or(StepUpError::Over)?;
        let attempt = trying(session, trail, &account);
        let shown = Shown::Passkey(&presented);
        let right = self.check_factor(&attempt, Some(&account), &shown).await?;
        self.rise(session, (&permit, &attempt, &account), Risen::Passkey(right))
            .await
    }

    fn rising(
        &self,
        session: &Session,
        trail: &Trail,
    ) -> Result<(Permit<act::StepUp>, Arc<Account>), StepUpError> {
        let permit = self.permit(&session.principal, trail, act::StepUp, session)?;
        let account = self.inner.roll.account(session.user).ok_or(StepUpError::Ended)?;
        Ok((permit, account))
    }

    /// Spends what was right and gives the session its new cookie.
    async fn rise(
        &self,
        session: &Session,
        (permit, attempt, account): (&Permit<act::StepUp>, &Attempt<'_>, &Account),
        proven: Risen,
    ) -> Result<SignedIn, StepUpError> {
        let right = proven.code();
        let code = right.map(|right| right.code);
        let cookie = NewCookie::mint(&self.inner.ambient);
        let (id, digest, now) = (
            session.id,
            cookie.digest.to_string(),
            self.inner.ambient.clock.now_micros(),
        );
        let risen = self
            .inner
            .store
            .write(permit, async move |tx| {
                if let Some(code) = code {
                    match code.spend(tx, now).await? {
                        Spending::Taken => {}
                        Spending::Before => return Err(StepUpError::Spent),
                        Spending::Cloned => return Err(StepUpError::Cloned),
                    }
                }
                tx.note("method", proven.words());
                let update = give_cookie(session::Entity::update_many(), &digest)
                    .col_expr(session::Column::ProvenAt, Expr::value(now));
                let update = proven.columns().iter().fold(update, |update, column| {
                    update.col_expr(*column, Expr::value(now))
                });
                let update = update.filter(session::Column::Id.eq(id.to_string()));
                tx.note_resource(format!("session:{id}"));
                tx.changed(Changed::Session(id));
                if tx.update(update).await? == 0 {
                    Err(StepUpError::Ended)
                } else {
                    Ok(())
                }
            })
            .await;
        match (risen, right) {
            (Err(error @ (StepUpError::Spent | StepUpError::Cloned)), Some(right)) => {
                if matches!(error, StepUpError::Cloned) {
                    self.suspect_clone(&session.principal, attempt.trail, account.id, right.code)
                        .await?;
                }
                let refused = self.spent(attempt, account, right.allowed).await;
                return Err(match proven {
                    Risen::Both(_) => StepUpError::RefusedCode(refused),
                    _ => StepUpError::Refused(refused),
                });
            }
            (Ok(()), Some(right)) => self.forgive(attempt, right.allowed),
            (other, _) => other?,
        }
        self.reread(session.user).await?;
        let risen = self.signed_in(cookie).ok_or(StepUpError::Ended)?;
        self.touch(&risen.session);
        Ok(risen)
    }
}

/// By what a session rises.
#[derive(Clone, Copy, Debug)]
enum Risen {
    /// The password alone.
    Password,
    /// A code alone.
    Code(RightCode),
    /// Both.
    Both(RightCode),
    /// A passkey that has made sure of its person, which is worth both.
    Passkey(RightCode),
}

impl Risen {
    const fn code(self) -> Option<RightCode> {
        match self {
            Self::Password => None,
            Self::Code(right) | Self::Both(right) | Self::Passkey(right) => Some(right),
        }
    }

    /// Where it is kept when each was given.
    const fn columns(self) -> &'static [session::Column] {
        match self {
            Self::Password => &[session::Column::PasswordAt],
            Self::Code(_) => &[session::Column::FactorAt],
            Self::Both(_) | Self::Passkey(_) => &[session::Column::PasswordAt, session::Column::FactorAt],
        }
    }

    /// The same for the audit log.
    fn words(self) -> String {
        let code = self.code().map(|right| right.code.word());
        match (self, code) {
            (Self::Both(_), Some(code)) => format!("password and {code}"),
            (_, code) => code.unwrap_or("password").to_owned(),
        }
    }
}

/// The try of somebody who is signed in.
fn trying<'a>(session: &'a Session, trail: &'a Trail, account: &'a Account) -> Attempt<'a> {
    Attempt {
        trail,
        name: account.name.as_str(),
        place: Place::Session(session.id),
        principal: &session.principal,
        is_whole: true,
    }
}
