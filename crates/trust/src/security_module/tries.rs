//! How often a PIN was shown without its being known to be right, remembered on disk: a Host that is started again and again,
//! as units are, must not show a wrong one until the token locks itself.
//!
//! The file says nothing of the PIN, so that it is of no use to whoever searches for that.

use std::path::{Path, PathBuf};

use watchroom_kit::files;

use super::ModuleError;
use crate::keyfile::{self, KeyFileError};

const FILE: &str = "pin.tried";
/// Stands in the file once a PIN was refused.
const REFUSED: &str = "refused";
/// How often in a row it may stay unknown how a try has ended: a power cut in the middle of one is no reason to stay away.
const UNKNOWN: u8 = 2;

/// Where it is remembered.
pub(super) struct Tries {
    path: PathBuf,
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

/// One that has begun, and how many before it had an end that is not known.
#[must_use]
pub(super) struct Try(u8);

impl Tries {
    pub(super) fn of(state: &Path) -> Self {
        Self {
            path: state.join("keys").join(FILE),
        }
    }

    /// Writes down that the PIN is about to be shown to the token.
    ///
    /// # Errors
    /// [`ModuleError::Pin`] if it must not be.
    pub(super) fn begin(&self, token: &str) -> Result<Try, ModuleError> {
        let kept = keyfile::read(&self.path).map_err(|error| unkept(&error))?;
        let kept = kept.map(|content| String::from_utf8_lossy(&content).trim().to_owned());
        let refused = |why: String| ModuleError::Pin {
            token: token.to_owned(),
            why,
            tries: self.path.clone(),
        };
        let before = match kept.as_deref() {
            None => 0,
            Some(number) => number
                .parse()
                .map_err(|_| refused("has refused the PIN before".to_owned()))?,
        };
        if before >= UNKNOWN {
            let why = format!("was shown the PIN {before} times, and nobody knows how that ended");
            return Err(refused(why));
        }
        self.write(&(before + 1).to_string())?;
        Ok(Try(before))
    }

    /// Writes down how it has ended.
    pub(super) fn end(&self, Try(before): Try, ended: Ended) -> Result<(), ModuleError> {
        match (ended, before) {
            (Ended::Accepted, _) | (Ended::NotShown, 0) => {
                keyfile::remove(&self.path).map_err(|error| unkept(&error))
            }
            (Ended::NotShown, before) => self.write(&before.to_string()),
            (Ended::Refused, _) => self.write(REFUSED),
            (Ended::Unknown, _) => Ok(()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, text: &str) -> Result<(), ModuleError> {
        let folder = self.path.parent().unwrap_or(&self.path);
        let made = files::private_folder(folder).map_err(KeyFileError::from);
        made.and_then(|()| keyfile::write(&self.path, format!("{text}\n").as_bytes(), files::PRIVATE_FILE))
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
    use super::*;

    fn tried(tries: &Tries, ended: Ended) -> Result<(), ModuleError> {
        tries.end(tries.begin("t")?, ended)
    }

    #[test]
    fn a_pin_that_was_refused_is_not_shown_until_somebody_has_removed_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let tries = Tries::of(folder.path());
        tried(&tries, Ended::Refused).unwrap();
        for _ in 0..2 {
            let refused = tries.begin("t").map(drop).unwrap_err().to_string();
            assert!(refused.contains("pin.tried"), "{refused}");
        }
        std::fs::remove_file(tries.path()).unwrap();
        assert_eq!(tried(&tries, Ended::Accepted), Ok(()));
        assert!(!tries.path().exists());
    }

    #[test]
    fn a_try_without_a_known_end_may_be_made_once_more_and_no_oftener() {
        let folder = tempfile::tempdir().unwrap();
        let tries = Tries::of(folder.path());
        // As a power cut does, or a kill.
        let _ = tries.begin("t").unwrap();
        tried(&tries, Ended::NotShown).unwrap();
        tried(&tries, Ended::Unknown).unwrap();
        let refused = tries.begin("t").map(drop);
        assert!(matches!(refused, Err(ModuleError::Pin { .. })), "{refused:?}");
    }

    #[test]
    fn what_is_not_understood_counts_as_refused() {
        let folder = tempfile::tempdir().unwrap();
        let tries = Tries::of(folder.path());
        tries.write("-1").unwrap();
        assert!(tries.begin("t").is_err());
    }

    #[test]
    fn where_nothing_can_be_written_down_no_pin_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys"), "").unwrap();
        let refused = Tries::of(folder.path()).begin("t").map(drop).unwrap_err();
        assert!(matches!(refused, ModuleError::Failed(_)), "{refused}");
    }
}
