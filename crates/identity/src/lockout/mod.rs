//! Lockout: five failed sign-ins within five minutes lock an account for that network for fifteen; ten within an
//! hour from anywhere lock it for an hour, for every browser that has not signed in before.
//!
//! What is locked is kept in the database and known on every replica; failures that have locked nothing yet are
//! kept in memory for the near doors, which a restart may forget, and in the database for the far ones: that is
//! [`guess`], by which a password is tried no more than ten times an hour, however many try it at once and from
//! wherever. Known browsers and sessions have doors of their own. Names that do not exist count the same, so that
//! the answer tells nothing.

mod follow;
mod guess;
mod lift;
mod list;
mod place;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use guess::{Allowed, Booked, Failing, Refused};
pub use lift::LiftLockoutError;
pub use list::{LockoutFilter, LockoutScope, LockoutView};
pub(crate) use place::{Door, Doors, Place, Scope};

use crate::config::LockoutRules;
use crate::key::SharedKey;
use crate::stamp;

/// Most tallies kept; the stalest go first. One costs about 150 bytes.
const MOST_TALLIES: usize = 50_000;

/// How often, in microseconds, tries at a locked account are worth an audit entry.
const RECORD_EVERY: i64 = 60_000_000;

/// Whether a try may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    /// Locked until then; `to_record` tries have not been written down yet, and it is time to.
    Locked {
        until: i64,
        to_record: Option<u32>,
    },
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It counted; with the last one the door locks.
    Counted {
        remaining: u32,
        locked_until: Option<i64>,
    },
    /// The door had been locked meanwhile by another try.
    WasLocked { until: i64 },
}

#[derive(Debug, Default)]
struct Tally {
    failures: VecDeque<i64>,
    locked_until: i64,
    unrecorded: u32,
    recorded_at: i64,
}

/// All doors at which somebody failed lately.
#[derive(Debug)]
pub(crate) struct Lockouts {
    rules: LockoutRules,
    key: [u8; 32],
    tallies: Mutex<HashMap<Door, Tally>>,
}

impl Lockouts {
    pub(crate) fn new(rules: LockoutRules, key: &SharedKey) -> Self {
        Self {
            rules,
            key: key.derive("lockouts"),
            tallies: Mutex::default(),
        }
    }

    /// A name as typed, whatever its case, so that it can be told from others and not be read.
    pub(crate) fn digest(&self, name: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, name.to_ascii_lowercase().as_bytes()).as_bytes()
    }

    /// Whether a try may go on to the password.
    pub(crate) fn standing(&self, doors: &Doors, now: i64) -> Standing {
        let mut book = self.book();
        let until = |door: &Door| book.get(door).map_or(0, |tally| tally.locked_until);
        let door = if until(&doors.far) >= until(&doors.near) {
            doors.far
        } else {
            doors.near
        };
        match book.get_mut(&door) {
            Some(tally) if tally.locked_until > now => {
                tally.unrecorded += 1;
                let is_due = now - tally.recorded_at >= RECORD_EVERY;
                let to_record = is_due.then(|| std::mem::take(&mut tally.unrecorded));
                if is_due {
                    tally.recorded_at = now;
                }
                Standing::Locked {
                    until: tally.locked_until,
                    to_record,
                }
            }
            _ => Standing::Open,
        }
    }

    /// Takes in that a door is locked until then, or not at all: what the database says of it.
    pub(crate) fn learn(&self, door: Door, until: Option<i64>, now: i64) {
        let mut book = self.book();
        match until {
            Some(until) => {
                if book.len() >= MOST_TALLIES && !book.contains_key(&door) {
                    self.make_room(&mut book, now);
                }
                let tally = book.entry(door).or_default();
                if tally.locked_until < until {
                    tally.recorded_at = now;
                }
                tally.locked_until = until;
                tally.failures.clear();
            }
            None => _ = book.remove(&door),
        }
    }

    /// The doors that are locked here.
    pub(crate) fn locked(&self, now: i64) -> Vec<Door> {
        let book = self.book();
        let locked = book.iter().filter(|(_, tally)| tally.locked_until > now);
        locked.map(|(door, _)| *door).collect()
    }

    /// Counts a failure.
    pub(crate) fn fail(&self, door: Door, now: i64) -> Failed {
        let mut book = self.book();
        if book.len() >= MOST_TALLIES && !book.contains_key(&door) {
            self.make_room(&mut book, now);
        }
        let tally = book.entry(door).or_default();
        if tally.locked_until > now {
            return Failed::WasLocked {
                until: tally.locked_until,
            };
        }
        let since = now - stamp::seconds(self.rules.within_s);
        tally.failures.retain(|at| *at > since);
        tally.failures.push_back(now);
        let count = u32::try_from(tally.failures.len()).unwrap_or(u32::MAX);
        let remaining = self.rules.failures.saturating_sub(count);
        if remaining > 0 {
            return Failed::Counted {
                remaining,
                locked_until: None,
            };
        }
        tally.failures.clear();
        tally.locked_until = now + stamp::seconds(self.rules.lock_s);
        tally.recorded_at = now;
        Failed::Counted {
            remaining,
            locked_until: Some(tally.locked_until),
        }
    }

    /// Forgets the failures after a success, unless the door was locked while the password was being checked:
    /// then not even a right one is told so, and tries side by side gain nothing.
    pub(crate) fn succeed(&self, door: Door, now: i64) -> Result<(), i64> {
        let mut book = self.book();
        match book.get(&door) {
            Some(tally) if tally.locked_until > now => return Err(tally.locked_until),
            Some(_) => _ = book.remove(&door),
            None => {}
        }
        Ok(())
    }

    /// The same without forgetting: where more is still to be proven the failures count on.
    pub(crate) fn still_open(&self, door: Door, now: i64) -> Result<(), i64> {
        match self.book().get(&door) {
            Some(tally) if tally.locked_until > now => Err(tally.locked_until),
            _ => Ok(()),
        }
    }

    fn make_room(&self, book: &mut HashMap<Door, Tally>, now: i64) {
        let since = now - stamp::seconds(self.rules.within_s);
        book.retain(|_, tally| {
            tally.locked_until > now || tally.failures.back().is_some_and(|at| *at > since)
        });
        if book.len() >= MOST_TALLIES {
            let freshness = |tally: &Tally| {
                tally
                    .locked_until
                    .max(tally.failures.back().copied().unwrap_or(0))
            };
            let stalest = book
                .iter()
                .min_by_key(|(_, tally)| freshness(tally))
                .map(|(door, _)| *door);
            if let Some(stalest) = stalest {
                book.remove(&stalest);
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, HashMap<Door, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_model::DeviceId;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn lockouts() -> Lockouts {
        Lockouts::new(LockoutRules::default(), &SharedKey::new([7; 32]))
    }

    fn from(address: &str) -> Place {
        Place::of(Some(address.parse().unwrap()))
    }

    #[test]
    fn five_failures_lock_the_door_for_a_quarter_of_an_hour() {
        let lockouts = lockouts();
        let doors = lockouts.doors("alice", from("192.0.2.7"));
        let door = doors.near;
        for remaining in [4, 3, 2, 1] {
            assert_eq!(
                lockouts.fail(door, 0),
                Failed::Counted {
                    remaining,
                    locked_until: None
                }
            );
        }
        let until = 15 * MINUTE;
        assert_eq!(
            lockouts.fail(door, 0),
            Failed::Counted {
                remaining: 0,
                locked_until: Some(until)
            }
        );
        assert_eq!(
            lockouts.standing(&doors, until - 1),
            Standing::Locked {
                until,
                to_record: Some(1)
            }
        );
        assert_eq!(lockouts.succeed(door, until - 1), Err(until));
        assert_eq!(lockouts.standing(&doors, until), Standing::Open);
    }

    #[test]
    fn failures_older_than_five_minutes_do_not_count_and_a_success_forgets_them() {
        let lockouts = lockouts();
        let doors = lockouts.doors("alice", from("192.0.2.7"));
        let door = doors.near;
        for turn in 0..20 {
            let counted = lockouts.fail(door, turn * 2 * MINUTE);
            assert!(
                matches!(
                    counted,
                    Failed::Counted {
                        locked_until: None,
                        ..
                    }
                ),
                "{counted:?}"
            );
        }
        assert_eq!(lockouts.succeed(door, 40 * MINUTE), Ok(()));
        assert_eq!(
            lockouts.fail(door, 40 * MINUTE),
            Failed::Counted {
                remaining: 4,
                locked_until: None
            }
        );
    }

    #[test]
    fn a_door_is_a_name_and_a_network() {
        let lockouts = lockouts();
        let doors = lockouts.doors("alice", from("192.0.2.7"));
        let door = doors.near;
        assert_eq!(door, lockouts.doors("ALICE", from("192.0.2.200")).near);
        assert_eq!(door, lockouts.doors("alice", from("::ffff:192.0.2.9")).near);
        assert_ne!(door, lockouts.doors("alice", from("192.0.3.7")).near);
        assert_ne!(door, lockouts.doors("alic", from("192.0.2.7")).near);
        let six = lockouts.doors("alice", from("2001:db8:1:2::1")).near;
        assert_eq!(six, lockouts.doors("alice", from("2001:db8:1:2:ffff::9")).near);
        assert_ne!(six, lockouts.doors("alice", from("2001:db8:1:3::1")).near);
    }

    #[test]
    fn tries_at_a_locked_door_are_written_down_once_a_minute_with_their_number() {
        let lockouts = lockouts();
        let doors = lockouts.doors("alice", Place::of(None));
        let door = doors.near;
        for _ in 0..5 {
            lockouts.fail(door, 0);
        }
        let until = 15 * MINUTE;
        for _ in 0..3 {
            assert_eq!(
                lockouts.standing(&doors, 1),
                Standing::Locked {
                    until,
                    to_record: None
                }
            );
        }
        assert_eq!(
            lockouts.standing(&doors, MINUTE),
            Standing::Locked {
                until,
                to_record: Some(4)
            }
        );
        assert_eq!(
            lockouts.standing(&doors, MINUTE),
            Standing::Locked {
                until,
                to_record: None
            }
        );
    }

    #[test]
    fn the_far_door_is_the_same_from_everywhere_but_for_known_browsers() {
        let lockouts = lockouts();
        let far = |name: &str, place: Place| lockouts.doors(name, place).far;
        let here = far("alice", from("192.0.2.7"));
        assert_eq!(here, far("ALICE", from("2001:db8::1")));
        assert_ne!(here, far("alic", from("192.0.2.7")));
        let device = |byte: u8| Place::Device(DeviceId::from(uuid::Uuid::from_bytes([byte; 16])));
        assert_ne!(here, far("alice", device(1)));
        assert_ne!(far("alice", device(1)), far("alice", device(2)));
        let again = Lockouts::new(LockoutRules::default(), &SharedKey::new([7; 32]));
        assert_eq!(
            here,
            again.doors("alice", from("192.0.2.7")).far,
            "after a restart too"
        );
        let text = here.to_string();
        assert_eq!(text.parse(), Ok(here));
    }

    #[test]
    fn a_lock_that_others_made_holds_here_until_it_is_lifted() {
        let lockouts = lockouts();
        let doors = lockouts.doors("alice", from("192.0.2.7"));
        let elsewhere = lockouts.doors("alice", from("198.51.100.1"));
        lockouts.learn(doors.far, Some(60 * MINUTE), 0);
        for doors in [&doors, &elsewhere] {
            let locked = Standing::Locked {
                until: 60 * MINUTE,
                to_record: None,
            };
            assert_eq!(lockouts.standing(doors, 1), locked);
        }
        assert_eq!(lockouts.locked(1), [doors.far]);
        lockouts.learn(doors.far, None, 2);
        assert_eq!(lockouts.standing(&doors, 2), Standing::Open);
    }

    proptest! {
        #[test]
        fn no_more_than_five_failures_are_ever_told_within_the_window(gaps in prop::collection::vec(0_i64..MINUTE, 1..60)) {
            let lockouts = lockouts();
            let doors = lockouts.doors("alice", from("192.0.2.7"));
        let door = doors.near;
            let (mut now, mut told): (i64, Vec<i64>) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                if lockouts.standing(&doors, now) == Standing::Open {
                    lockouts.fail(door, now);
                    told.push(now);
                }
                let recent = told.iter().filter(|at| **at > now - 5 * MINUTE).count();
                prop_assert!(recent <= 5);
            }
        }
    }
}
