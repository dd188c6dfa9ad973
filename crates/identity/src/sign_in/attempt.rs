//! One attempt at a password: the lockout around it, the hash, and what is written down of a failure.

use std::sync::{Arc, PoisonError};

use watchroom_kit::SecretString;
use watchroom_model::UserId;
use watchroom_policy::{Principal, Resource, ResourceKind, Trail, act};
use watchroom_store::StoreError;

use super::{SignInError, locked};
use crate::factors::Code;
use crate::hashing::Verdict;
use crate::lockout::{Failed, Standing};
use crate::roll::Account;
use crate::users::UserStatus;
use crate::{EntranceEvent, Identity, VaultError, stamp};

/// Who tries, from where, at which name.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) trail: &'a Trail,
    /// As typed. Never logged and never stored: people type passwords here.
    pub(crate) name: &'a str,
    /// Whoever is writing: a stranger at sign-in, the person at step-up.
    pub(crate) principal: &'a Arc<Principal>,
    /// Whether a right password is all there is to prove. Where a code is still to come, failures are not forgotten yet:
    /// or whoever knows the password could try codes without end.
    pub(crate) is_whole: bool,
}

/// The password was right.
#[derive(Debug)]
pub(crate) struct Proven {
    /// A hash to store instead, where the parameters have risen.
    pub(crate) stronger: Option<String>,
}

impl Identity {
    /// Checks a password against an account, or against nobody's at the same cost. Disabled accounts and
    /// names that do not exist are answered as a wrong password.
    pub(crate) async fn check_password(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        password: SecretString,
    ) -> Result<Proven, SignInError> {
        let door = self.inner.lockouts.door(attempt.name, attempt.trail.source_ip);
        let now = self.inner.ambient.clock.now_micros();
        if let Standing::Locked { until, to_record } = self.inner.lockouts.standing(door, now) {
            self.tell_failure(attempt, false);
            if let Some(tries) = to_record {
                self.record_failure(attempt, account, Failure::Locked { tries })
                    .await?;
            }
            return Err(locked(until, now));
        }
        let hash = account.and_then(|account| account.password_hash.clone());
        let verdict = self
            .inner
            .hashing
            .verify(password, hash, attempt.trail.source_ip.into())
            .await?;
        let is_active = account.is_some_and(|account| account.status == UserStatus::Active);
        let now = self.inner.ambient.clock.now_micros();
        match verdict {
            Verdict::Right { stronger } if is_active => {
                let stands = match attempt.is_whole {
                    true => self.inner.lockouts.succeed(door, now),
                    false => self.still_open(attempt, now),
                };
                stands.map_err(|until| locked(until, now))?;
                Ok(Proven { stronger })
            }
            Verdict::Right { .. } | Verdict::Wrong => Err(self.refuse(attempt, account, now).await),
        }
    }

    /// The answer to a password that was right a moment ago, for an account that has changed since.
    pub(super) fn wrong(&self, attempt: &Attempt<'_>) -> SignInError {
        let now = self.inner.ambient.clock.now_micros();
        let door = self.inner.lockouts.door(attempt.name, attempt.trail.source_ip);
        refused(self.inner.lockouts.fail(door, now), now)
    }

    fn still_open(&self, attempt: &Attempt<'_>, now: i64) -> Result<(), i64> {
        let door = self.inner.lockouts.door(attempt.name, attempt.trail.source_ip);
        match self.inner.lockouts.standing(door, now) {
            Standing::Open => Ok(()),
            Standing::Locked { until, .. } => Err(until),
        }
    }

    /// Compares a code with those of the account. Each try waits for the one before to be counted, so that a thousand side
    /// by side are no more guesses than one after the other.
    pub(crate) async fn check_factor(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        typed: &SecretString,
    ) -> Result<Code, SignInError> {
        let now = self.inner.ambient.clock.now_micros();
        let compared = self.compare(attempt, account, typed, now)?;
        match compared {
            Compared::Right(code) => Ok(code),
            Compared::Wrong(failed) => Err(self.told(attempt, Some(account), failed, now).await),
            Compared::Locked { until, to_record } => {
                self.tell_failure(attempt, false);
                if let Some(tries) = to_record {
                    self.record_failure(attempt, Some(account), Failure::Locked { tries })
                        .await?;
                }
                Err(locked(until, now))
            }
        }
    }

    fn compare(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        typed: &SecretString,
        now: i64,
    ) -> Result<Compared, VaultError> {
        let door = self.inner.lockouts.door(attempt.name, attempt.trail.source_ip);
        let _turn = self
            .inner
            .comparing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Standing::Locked { until, to_record } = self.inner.lockouts.standing(door, now) {
            return Ok(Compared::Locked { until, to_record });
        }
        let code = Code::of(account, typed, now, &*self.inner.vault)?;
        Ok(code.map_or_else(
            || Compared::Wrong(self.inner.lockouts.fail(door, now)),
            Compared::Right,
        ))
    }

    /// The code was right, and the account is what it was: failures before are forgotten.
    pub(crate) fn forgive(&self, attempt: &Attempt<'_>) {
        let door = self.inner.lockouts.door(attempt.name, attempt.trail.source_ip);
        let now = self.inner.ambient.clock.now_micros();
        // Locked meanwhile by others' tries: it stays so, and the session that was proven stands all the same.
        let _ = self.inner.lockouts.succeed(door, now);
    }

    /// The answer to a code that another request has spent a moment ago: that of any wrong one.
    pub(crate) async fn spent(&self, attempt: &Attempt<'_>, account: &Account) -> SignInError {
        let now = self.inner.ambient.clock.now_micros();
        self.refuse(attempt, Some(account), now).await
    }

    async fn refuse(&self, attempt: &Attempt<'_>, account: Option<&Account>, now: i64) -> SignInError {
        let door = self.inner.lockouts.door(attempt.name, attempt.trail.source_ip);
        let failed = self.inner.lockouts.fail(door, now);
        self.told(attempt, account, failed, now).await
    }

    /// Tells and writes down a failure that was counted.
    async fn told(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        failed: Failed,
        now: i64,
    ) -> SignInError {
        let locks = matches!(
            failed,
            Failed::Counted {
                locked_until: Some(_),
                ..
            }
        );
        self.tell_failure(attempt, locks);
        match self
            .record_failure(attempt, account, Failure::Wrong { locks })
            .await
        {
            Ok(()) => refused(failed, now),
            Err(error) => error,
        }
    }

    /// Tells those who defend the entrance. The line in the log is what `contrib/fail2ban` reads: one for each
    /// failure, and of what was typed nothing.
    fn tell_failure(&self, attempt: &Attempt<'_>, locks: bool) {
        let Some(from) = attempt.trail.source_ip.map(|from| from.to_canonical()) else {
            return;
        };
        let request_id = attempt.trail.request_id;
        tracing::warn!(
            client.address = %from,
            request.id = request_id.map(tracing::field::display),
            "a sign-in failed"
        );
        // Nobody listening is no trouble: the log has it.
        drop(self.inner.events.send(EntranceEvent::SignInFailed {
            from,
            name: self.inner.lockouts.digest(attempt.name),
            locks,
            request_id,
        }));
    }

    /// Writes a failure down: of a known account by its id, of any other without what was typed.
    async fn record_failure(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        failure: Failure,
    ) -> Result<(), SignInError> {
        let user: Option<UserId> = account.map(|account| account.id);
        let on = user.map_or(Resource::all(ResourceKind::Session), Resource::user);
        let permit = self.permit(attempt.principal, attempt.trail, act::FailSignIn, &on)?;
        let written = self.inner.store.write(&permit, async move |tx| {
            tx.note_failure();
            match failure {
                Failure::Wrong { locks } => tx.note("locks_the_account", locks),
                Failure::Locked { tries } => tx.note("tries_while_locked", tries),
            }
            Ok::<_, StoreError>(())
        });
        Ok(written.await?)
    }
}

/// What came of comparing a code.
#[derive(Debug)]
enum Compared {
    Right(Code),
    Wrong(Failed),
    Locked { until: i64, to_record: Option<u32> },
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Wrong { locks: bool },
    Locked { tries: u32 },
}

fn refused(failed: Failed, now: i64) -> SignInError {
    match failed {
        Failed::Counted {
            remaining,
            locked_until,
        } => SignInError::Wrong {
            remaining_attempts: remaining,
            locked_until: locked_until.map(stamp::at),
        },
        Failed::WasLocked { until } => locked(until, now),
    }
}
