//! One attempt at a password or a code: the lockout around it, the hash, and what is written down of a failure.

use std::sync::{Arc, PoisonError};

use watchroom_kit::SecretString;
use watchroom_model::UserId;
use watchroom_policy::{Permit, Principal, Refusal, Resource, ResourceKind, Trail, act};
use watchroom_store::StoreError;

use super::{SignInError, locked};
use crate::factors::{Code, Shown};
use crate::hashing::{Asking, HashError, Verdict};
use crate::lockout::{Allowed, Booked, Doors, Failed, Failing, Place, Refused, Standing};
use crate::network::Network;
use crate::roll::Account;
use crate::users::UserStatus;
use crate::{Identity, VaultError, stamp};

/// Who tries, from where, at which name.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) trail: &'a Trail,
    /// As typed. Never logged and never stored: people type passwords here.
    pub(crate) name: &'a str,
    /// From where: what is locked for others may be open here.
    pub(crate) place: Place,
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

/// The code was right, and is still to be spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RightCode {
    pub(crate) code: Code,
    /// The try that it was: given back once the code is spent, and a failure if another was faster.
    pub(crate) allowed: Allowed,
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
        let (proven, allowed) = self.try_password(attempt, account, password).await?;
        self.give_back(allowed);
        Ok(proven)
    }

    /// The same, where a code is compared in the same try: it is given back when that was right too.
    pub(crate) async fn try_password(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        password: SecretString,
    ) -> Result<(Proven, Allowed), SignInError> {
        let doors = self.doors(attempt);
        self.find_open(attempt, account, &doors).await?;
        // A place first: whoever finds none has not tried.
        let network = Network::from(attempt.trail.source_ip);
        let asking = Asking {
            network,
            is_known: !matches!(attempt.place, Place::Network(_)),
            now: self.inner.ambient.clock.now_micros(),
        };
        let turn = self.inner.hashing.turn(asking).await?;
        let allowed = self.begin_try(attempt, account, &doors).await?;
        let hash = account.and_then(|account| account.password_hash.clone());
        let verdict = self.inner.hashing.verify(turn, password, hash).await?;
        let is_active = account.is_some_and(|account| account.status == UserStatus::Active);
        let now = self.inner.ambient.clock.now_micros();
        match verdict {
            Verdict::Right { stronger } if is_active => {
                let stands = match attempt.is_whole {
                    true => self.inner.lockouts.succeed(doors.near, now),
                    false => self.inner.lockouts.still_open(doors.near, now),
                };
                if let Err(until) = stands {
                    return Err(locked(until, now));
                }
                Ok((Proven { stronger }, allowed))
            }
            Verdict::Right { .. } | Verdict::Wrong => {
                self.inner.hashing.failed(network, now);
                let near = self.inner.lockouts.fail(doors.near, now);
                Err(self.refuse(attempt, account, (doors, near), allowed).await)
            }
        }
    }

    /// Lets somebody else say whose a password is, between the same doors. While they say nothing, nothing was tried.
    pub(crate) async fn check_elsewhere<T, E>(
        &self,
        attempt: &Attempt<'_>,
        asked: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Result<T, E>, SignInError> {
        let doors = self.doors(attempt);
        self.find_open(attempt, None, &doors).await?;
        let allowed = self.begin_try(attempt, None, &doors).await?;
        let verdict = asked.await;
        let now = self.inner.ambient.clock.now_micros();
        match verdict {
            Ok(Some(proven)) => {
                let stands = self.inner.lockouts.succeed(doors.near, now);
                stands.map_err(|until| locked(until, now))?;
                self.give_back(allowed);
                Ok(Ok(proven))
            }
            Ok(None) => {
                let near = self.inner.lockouts.fail(doors.near, now);
                Err(self.refuse(attempt, None, (doors, near), allowed).await)
            }
            Err(error) => {
                self.give_back(allowed);
                Ok(Err(error))
            }
        }
    }

    /// Compares a code with those of the account, or a passkey with its keys. A try counts before it is made, as at a password; and each waits for the
    /// one before to be counted at the near door, so that a thousand side by side are no more guesses than one after the
    /// other.
    pub(crate) async fn check_factor(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        shown: &Shown<'_>,
    ) -> Result<RightCode, SignInError> {
        let doors = self.doors(attempt);
        self.find_open(attempt, account, &doors).await?;
        let allowed = self.begin_try(attempt, account, &doors).await?;
        self.judge_factor(attempt, account, shown, allowed).await
    }

    /// The same within a try that was counted before.
    pub(crate) async fn judge_factor(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        shown: &Shown<'_>,
        allowed: Allowed,
    ) -> Result<RightCode, SignInError> {
        let doors = self.doors(attempt);
        // Where the vault fails the try stays counted: some of the codes may have been compared.
        match self.compare(&doors, account, shown)? {
            Compared::Right(code) => Ok(RightCode { code, allowed }),
            Compared::Wrong(near) => Err(self.refuse(attempt, account, (doors, near), allowed).await),
            Compared::Locked { until, to_record } => {
                // Locked meanwhile, and nothing was compared.
                self.give_back(allowed);
                Err(self.turn_away(attempt, account, until, to_record).await)
            }
        }
    }

    fn compare(
        &self,
        doors: &Doors,
        account: Option<&Account>,
        shown: &Shown<'_>,
    ) -> Result<Compared, VaultError> {
        let _turn = self
            .inner
            .comparing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = self.inner.ambient.clock.now_micros();
        if let Standing::Locked { until, to_record } = self.inner.lockouts.standing(doors, now) {
            return Ok(Compared::Locked { until, to_record });
        }
        let skew = self.inner.config.second_factors.skew_steps;
        let with = (&*self.inner.vault, &self.inner.signatures, skew);
        let code = match account.filter(|account| account.status == UserStatus::Active) {
            Some(account) => Code::of(account, shown, now, with)?,
            None => None,
        };
        Ok(code.map_or_else(
            || Compared::Wrong(self.inner.lockouts.fail(doors.near, now)),
            Compared::Right,
        ))
    }

    /// The code was right and is spent: failures before are forgotten, and the try costs nothing.
    pub(crate) fn forgive(&self, attempt: &Attempt<'_>, allowed: Allowed) {
        let now = self.inner.ambient.clock.now_micros();
        // Locked meanwhile by others' tries: it stays so, and the session that was proven stands all the same.
        let _ = self.inner.lockouts.succeed(self.doors(attempt).near, now);
        self.give_back(allowed);
    }

    /// The answer to a code that another request has spent a moment ago: that of any wrong one.
    pub(crate) async fn spent(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        allowed: Allowed,
    ) -> SignInError {
        let doors = self.doors(attempt);
        let now = self.inner.ambient.clock.now_micros();
        let near = self.inner.lockouts.fail(doors.near, now);
        self.refuse(attempt, Some(account), (doors, near), allowed).await
    }

    /// From where a sign-in is tried: a browser that has signed in to this account before has a place of its own.
    pub(crate) fn place(&self, trail: &Trail, user: Option<UserId>, shown: Option<&str>) -> Place {
        let now = self.inner.ambient.clock.now_micros();
        let known = user
            .zip(shown)
            .and_then(|(user, shown)| self.inner.devices.find(shown, user, now));
        known.map_or_else(|| Place::of(trail.source_ip), Place::Device)
    }

    /// Whether both doors are open.
    async fn find_open(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        doors: &Doors,
    ) -> Result<(), SignInError> {
        let now = self.inner.ambient.clock.now_micros();
        match self.inner.lockouts.standing(doors, now) {
            Standing::Open => Ok(()),
            Standing::Locked { until, to_record } => {
                Err(self.turn_away(attempt, account, until, to_record).await)
            }
        }
    }

    /// Counts the try in the database before it is made.
    async fn begin_try(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        doors: &Doors,
    ) -> Result<Allowed, SignInError> {
        let now = self.inner.ambient.clock.now_micros();
        match self.claim(doors, now).await {
            Ok(allowed) => Ok(allowed),
            Err(Refused::Busy) => Err(HashError::Busy.into()),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Until(until)) => {
                self.inner.lockouts.learn(doors.far, Some(until), now);
                Err(self.turn_away(attempt, account, until, Some(1)).await)
            }
        }
    }

    fn doors(&self, attempt: &Attempt<'_>) -> Doors {
        self.inner.lockouts.doors(attempt.name, attempt.place)
    }

    /// The answer to a password that was right a moment ago, for an account that has changed since.
    pub(crate) fn wrong(&self, attempt: &Attempt<'_>) -> SignInError {
        let now = self.inner.ambient.clock.now_micros();
        let limit = self.inner.config.lockout.everywhere_failures;
        refused(
            self.inner.lockouts.fail(self.doors(attempt).near, now),
            limit,
            now,
        )
    }

    /// The answer where it is locked: nothing was tried.
    async fn turn_away(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        until: i64,
        to_record: Option<u32>,
    ) -> SignInError {
        self.tell_failure(attempt, false);
        if let Some(tries) = to_record
            && let Err(error) = self.record_locked(attempt, account, tries).await
        {
            return error;
        }
        locked(until, self.inner.ambient.clock.now_micros())
    }

    /// Writes down and tells a failure that was counted at the near door.
    async fn refuse(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        (doors, near): (Doors, Failed),
        allowed: Allowed,
    ) -> SignInError {
        let near_until = match near {
            Failed::Counted { locked_until, .. } => locked_until,
            Failed::WasLocked { .. } => None,
        };
        let user = account.map(|account| account.id);
        let rules = &self.inner.config.lockout;
        let failing = Failing::new(&self.inner.ambient, rules, doors, allowed, user, near_until);
        let booked = self.record_wrong(attempt, account, failing).await;
        let far_until = booked.as_ref().ok().and_then(|booked| booked.locked_until);
        self.tell_failure(attempt, near_until.is_some() || far_until.is_some());
        let booked = match booked {
            Ok(booked) => booked,
            Err(error) => return error,
        };
        let now = self.inner.ambient.clock.now_micros();
        match far_until {
            Some(until) => {
                self.inner.lockouts.learn(doors.far, Some(until), now);
                let until = until.max(near_until.unwrap_or(until));
                SignInError::Wrong {
                    remaining_attempts: 0,
                    locked_until: Some(stamp::at(until)),
                }
            }
            None => refused(near, booked.remaining, now),
        }
    }

    fn tell_failure(&self, attempt: &Attempt<'_>, locks: bool) {
        self.tell_failed_sign_in(attempt.trail, attempt.name, locks);
    }

    async fn record_wrong(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        failing: Failing,
    ) -> Result<Booked, SignInError> {
        let permit = self.permit_to_fail(attempt, account)?;
        let locks = failing.locks_near();
        let written = self.inner.store.write(&permit, async move |tx| {
            tx.note_failure();
            tx.note("locks_the_account", locks);
            failing.write(tx).await
        });
        written.await.map_err(|error: StoreError| error.into())
    }

    async fn record_locked(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
        tries: u32,
    ) -> Result<(), SignInError> {
        let permit = self.permit_to_fail(attempt, account)?;
        let written = self.inner.store.write(&permit, async move |tx| {
            tx.note_failure();
            tx.note("tries_while_locked", tries);
            Ok::<_, StoreError>(())
        });
        Ok(written.await?)
    }

    /// A failure is written down of a known account by its id, of any other without what was typed.
    fn permit_to_fail(
        &self,
        attempt: &Attempt<'_>,
        account: Option<&Account>,
    ) -> Result<Permit<act::FailSignIn>, Box<Refusal>> {
        let user: Option<UserId> = account.map(|account| account.id);
        let on = user.map_or(Resource::all(ResourceKind::Session), Resource::user);
        self.permit(attempt.principal, attempt.trail, act::FailSignIn, &on)
    }
}

/// What came of comparing a code.
#[derive(Debug)]
enum Compared {
    Right(Code),
    Wrong(Failed),
    Locked { until: i64, to_record: Option<u32> },
}

/// The answer to a failure; of both counts the one tells that is used up sooner.
fn refused(failed: Failed, left: u32, now: i64) -> SignInError {
    match failed {
        Failed::Counted {
            remaining,
            locked_until,
        } => SignInError::Wrong {
            remaining_attempts: remaining.min(left),
            locked_until: locked_until.map(stamp::at),
        },
        Failed::WasLocked { until } => locked(until, now),
    }
}
