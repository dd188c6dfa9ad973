//! How often a PIN was shown without its being known to be right, remembered on disk: a Host that is started again and again,
//! as units are, must not show a wrong one until the token locks itself.
//!
//! The file says nothing of the PIN, so that it is of no use to whoever searches for that.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};
use watchroom_kit::{Clock, files};

use super::ModuleError;
use crate::keyfile::{self, KeyFileError};

const FILE: &str = "pin.tried";
/// Stands in the file once a PIN was refused.
const REFUSED: &str = "refused";
/// How often in a row it may stay unknown how a try has ended: a power cut in the middle of one is no reason to stay away.
const UNKNOWN: u8 = 2;
/// How long after such a try the next may be made: what was away for a moment is away for all who ask in that moment.
const PAUSE: Duration = Duration::MINUTE;

/// Where it is remembered.
pub(super) struct Tries {
    path: PathBuf,
    clock: Clock,
}

/// How one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The PIN is right.
    Accepted,
    /// It is wrong.
    Refused,
    /// The token has not seen it.
    NotShown,
    /// Nobody can say.
    Unknown,
}

/// One that has begun. Other processes, such as commands beside a Host, wait for its end with theirs.
#[must_use]
pub(super) struct Try {
    /// What stood in the file, if an end before this one is not known.
    before: Option<Unknown>,
    _alone: File,
}

/// Tries of which nobody knows how they ended: how many in a row, and when the last began, in seconds since 1970.
#[derive(Clone, Copy)]
struct Unknown {
    times: u8,
    at: i64,
}

impl Unknown {
    /// What is kept; one of an earlier version has no time, and was long ago.
    fn read(text: &str) -> Option<Self> {
        let (times, at) = text.split_once(' ').unwrap_or((text, "0"));
        Some(Self {
            times: times.parse().ok()?,
            at: at.parse().ok()?,
        })
    }
}

impl Tries {
    pub(super) fn of(state: &Path, clock: &Clock) -> Self {
        Self {
            path: state.join("keys").join(FILE),
            clock: clock.clone(),
        }
    }

    /// Writes down that the PIN is about to be shown to the token.
    ///
    /// # Errors
    /// [`ModuleError::Pin`] if it must not be.
    pub(super) fn begin(&self, token: &str) -> Result<Try, ModuleError> {
        let alone = self.alone()?;
        let kept = keyfile::read(&self.path).map_err(|error| unkept(&error))?;
        let kept = kept.map(|content| String::from_utf8_lossy(&content).trim().to_owned());
        let refused = |why: String| ModuleError::Pin {
            token: token.to_owned(),
            why,
            tries: self.path.clone(),
        };
        let before = kept
            .map(|text| Unknown::read(&text).ok_or_else(|| refused("has refused the PIN before".to_owned())));
        let before = before.transpose()?;
        let now = self.clock.now();
        if let Some(Unknown { times, at }) = before {
            if times >= UNKNOWN {
                let why = format!("was shown the PIN {times} times, and nobody knows how that ended");
                return Err(refused(why));
            }
            let since = now - OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            if (Duration::ZERO..PAUSE).contains(&since) {
                return Err(ModuleError::Failed(
                    "nobody knows how it ended that its PIN was shown a moment ago; it is shown once more after a minute".to_owned(),
                ));
            }
        }
        self.write_unknown(Unknown {
            times: before.map_or(0, |before| before.times) + 1,
            at: now.unix_timestamp(),
        })?;
        Ok(Try {
            before,
            _alone: alone,
        })
    }

    /// Writes down how it has ended.
    pub(super) fn end(&self, begun: Try, ended: Ended) -> Result<(), ModuleError> {
        let Try { before, _alone } = begun;
        match (ended, before) {
            (Ended::Accepted, _) | (Ended::NotShown, None) => self.forget().map_err(|error| unkept(&error)),
            (Ended::NotShown, Some(before)) => self.write_unknown(before),
            (Ended::Refused, _) => self.write(REFUSED),
            (Ended::Unknown, _) => Ok(()),
        }
    }

    /// For good: a power cut must not bring back what has ended well.
    fn forget(&self) -> Result<(), KeyFileError> {
        keyfile::remove(&self.path)?;
        files::sync_folder(self.folder()).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> KeyFileError {
        KeyFileError::Io {
            path: self.folder().to_owned(),
            source,
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Waits until no other process shows the PIN.
    fn alone(&self) -> Result<File, ModuleError> {
        let folder = self.folder();
        files::private_folder(folder).map_err(|error| unkept(&error.into()))?;
        let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
        locked.map_err(|error| unkept(&self.failed(error)))
    }

    fn write_unknown(&self, Unknown { times, at }: Unknown) -> Result<(), ModuleError> {
        self.write(&format!("{times} {at}"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, text: &str) -> Result<(), ModuleError> {
        keyfile::write(&self.path, format!("{text}\n").as_bytes(), files::PRIVATE_FILE)
            .map_err(|error| unkept(&error))
    }
}

fn unkept(error: &KeyFileError) -> ModuleError {
    ModuleError::Failed(format!(
        "how often its PIN was shown cannot be kept, so it is not shown: {error}"
    ))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn tried(tries: &Tries, ended: Ended) -> Result<(), ModuleError> {
        tries.end(tries.begin("t")?, ended)
    }

    fn tries(folder: &Path) -> (Tries, Clock) {
        let clock = Clock::manual(datetime!(2026-03-01 12:00 UTC));
        (Tries::of(folder, &clock), clock)
    }

    #[test]
    fn a_pin_that_was_refused_is_not_shown_until_somebody_has_removed_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (tries, clock) = tries(folder.path());
        tried(&tries, Ended::Refused).unwrap();
        for _ in 0..2 {
            clock.advance(Duration::DAY.unsigned_abs());
            let refused = tries.begin("t").map(drop).unwrap_err().to_string();
            assert!(refused.contains("pin.tried"), "{refused}");
        }
        std::fs::remove_file(tries.path()).unwrap();
        assert_eq!(tried(&tries, Ended::Accepted), Ok(()));
        assert!(!tries.path().exists());
    }

    #[test]
    fn a_try_without_a_known_end_may_be_made_once_more_a_minute_later_and_no_oftener() {
        let folder = tempfile::tempdir().unwrap();
        let (tries, clock) = tries(folder.path());
        // As a power cut does, or a kill.
        drop(tries.begin("t").unwrap());
        for _ in 0..2 {
            // All who ask in that moment.
            let wait = tries.begin("t").map(drop);
            assert!(matches!(wait, Err(ModuleError::Failed(_))), "{wait:?}");
            clock.advance(PAUSE.unsigned_abs() / 2);
        }
        tried(&tries, Ended::NotShown).unwrap();
        tried(&tries, Ended::Unknown).unwrap();
        clock.advance(Duration::DAY.unsigned_abs());
        let refused = tries.begin("t").map(drop);
        assert!(matches!(refused, Err(ModuleError::Pin { .. })), "{refused:?}");
    }

    #[test]
    fn of_two_who_would_show_it_one_waits_for_the_end_of_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let (tries, _) = tries(folder.path());
        let begun = tries.begin("t").unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| tried(&tries, Ended::Accepted));
            tries.end(begun, Ended::Refused).unwrap();
            let refused = other.join().unwrap();
            assert!(matches!(refused, Err(ModuleError::Pin { .. })), "{refused:?}");
        });
    }

    #[test]
    fn what_is_not_understood_counts_as_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (tries, _) = tries(folder.path());
        tried(&tries, Ended::Refused).unwrap();
        for text in ["-1", "1 soon", "one"] {
            tries.write(text).unwrap();
            assert!(tries.begin("t").is_err(), "{text}");
        }
    }

    #[test]
    fn one_that_an_earlier_version_wrote_down_was_long_ago() {
        let folder = tempfile::tempdir().unwrap();
        let (tries, _) = tries(folder.path());
        tried(&tries, Ended::Refused).unwrap();
        tries.write("1").unwrap();
        assert_eq!(tried(&tries, Ended::Accepted), Ok(()));
    }

    #[test]
    fn where_nothing_can_be_written_down_no_pin_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys"), "").unwrap();
        let refused = tries(folder.path()).0.begin("t").map(drop).unwrap_err();
        assert!(matches!(refused, ModuleError::Failed(_)), "{refused}");
    }
}
