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
    /// The password was refused, as at sign-in.
    #[error(transparent)]
    Refused(#[from] SignInError),
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
            Self::Refused(error) => Some(error),
            Self::Forbidden(refusal) => Some(refusal.as_ref()),
            Self::Store(error) => Some(error),
            Self::Ended | Self::Spent | Self::Over | Self::Cloned => None,
        }
    }
}

impl Fault for StepUpError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Over => FaultKind::Conflict,
            _ => self.inner().map_or(FaultKind::Unauthenticated, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Over => "passkey-over",
            _ => self.inner().map_or("not-signed-in", Fault::slug),
        }
    }

    fn public(&self) -> String {
        match self {
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
    /// Proves again who sits before a session, by the password or a code by time: no password is as short as a code, so one
    /// field takes both. It makes the proof fresh and gives the session a new cookie; the old one is worth nothing from
    /// then on. Failures count towards the lockout.
    ///
    /// # Errors
    /// [`StepUpError`].
    pub async fn step_up(
        &self,
        session: &Session,
        trail: &Trail,
        proof: SecretString,
    ) -> Result<SignedIn, StepUpError> {
        let (permit, account) = self.rising(session, trail)?;
        let attempt = again(session, trail, &account);
        let typed = SecretString::from(proof.expose_secret().trim());
        let right = match is_code(typed.expose_secret()) && !account.factors.is_empty() {
            true => Some(
                self.check_factor(&attempt, Some(&account), &Shown::Code(&typed))
                    .await?,
            ),
            false => {
                self.check_password(&attempt, Some(&account), proof).await?;
                None
            }
        };
        self.rise(session, (&permit, &attempt, &account), right).await
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
        let attempt = again(session, trail, &account);
        let shown = Shown::Passkey(&presented);
        let right = self.check_factor(&attempt, Some(&account), &shown).await?;
        self.rise(session, (&permit, &attempt, &account), Some(right))
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
        right: Option<RightCode>,
    ) -> Result<SignedIn, StepUpError> {
        let code = right.as_ref().map(|right| right.code);
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
                match code {
                    Some(code) => match code.spend(tx, now).await? {
                        Spending::Taken => tx.note("method", code.word()),
                        Spending::Before => return Err(StepUpError::Spent),
                        Spending::Cloned => return Err(StepUpError::Cloned),
                    },
                    None => tx.note("method", "password"),
                }
                let update = give_cookie(session::Entity::update_many(), &digest)
                    .col_expr(session::Column::ProvenAt, Expr::value(now))
                    .filter(session::Column::Id.eq(id.to_string()));
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
                return Err(self.spent(attempt, account, right.allowed).await.into());
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

/// The try of somebody who is signed in.
fn again<'a>(session: &'a Session, trail: &'a Trail, account: &'a Account) -> Attempt<'a> {
    Attempt {
        trail,
        name: account.name.as_str(),
        place: Place::Session(session.id),
        principal: &session.principal,
        is_whole: true,
    }
}
