//! How `watchroom node open` lets a browser in: a code that works once, told to the agent through the state folder.
//!
//! Whoever may write into that folder (0700) is the agent's own account or root: no other proof is needed. The file
//! holds only the code's hash, so that reading it opens nothing, and its owner says who invited.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use watchroom_kit::{Ambient, SecretString, files};

use crate::account;

/// How long a code may wait for its browser.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Readable by the agent too when root invites for an agent that is not root; the folder keeps strangers away.
const MODE: u32 = 0o644;

/// The one invitation that may be open.
#[derive(Debug)]
pub struct Invitations {
    file: PathBuf,
    /// One redemption at a time: a code is never good for two.
    turn: Mutex<()>,
}

/// What is kept of an invitation.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// BLAKE3 of the code, in hexadecimal.
    print: String,
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
}

impl Invitations {
    /// Those of the agent whose runtime folder (`<state>/run`, 0700) this is.
    #[must_use]
    pub fn of(run: &Path) -> Self {
        Self {
            file: run.join("node-invitation.json"),
            turn: Mutex::default(),
        }
    }

    /// Makes a code that lets one browser in within five minutes. The one before is no longer good.
    ///
    /// # Errors
    /// What the system said.
    pub fn issue(&self, ambient: &Ambient) -> io::Result<SecretString> {
        let code = ambient.entropy.token();
        let kept = Kept {
            print: blake3::hash(code.as_bytes()).to_hex().to_string(),
            until: ambient.now() + PATIENCE,
        };
        files::replace(&self.file, &serde_json::to_vec(&kept)?, MODE)?;
        Ok(SecretString::from(code))
    }

    /// Takes a code; gives the account that invited, or `None` if the code is not, or no longer, good.
    pub(super) fn redeem(&self, code: &str, now: OffsetDateTime) -> io::Result<Option<String>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, owner) = match self.read() {
            Ok(kept) => kept,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // The comparison of two hashes takes the same time wherever they differ.
        let print = blake3::Hash::from_hex(&kept.print).map_err(io::Error::other)?;
        let is_the_code = print == blake3::hash(code.as_bytes());
        if kept.until <= now || is_the_code {
            // A code that cannot be used up is not taken.
            fs::remove_file(&self.file)?;
        }
        Ok((is_the_code && now < kept.until).then(|| account::name_of(owner)))
    }

    fn read(&self) -> io::Result<(Kept, u32)> {
        let kept = serde_json::from_slice(&fs::read(&self.file)?)?;
        Ok((kept, fs::metadata(&self.file)?.uid()))
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::ExposeSecret;

    use super::*;

    #[test]
    fn a_code_works_once_within_five_minutes_and_only_the_newest() {
        let (room, ambient) = (tempfile::tempdir().unwrap(), Ambient::system());
        let invitations = Invitations::of(room.path());
        let now = ambient.now();
        assert_eq!(invitations.redeem("anything", now).unwrap(), None);

        let first = invitations.issue(&ambient).unwrap();
        let second = invitations.issue(&ambient).unwrap();
        assert_eq!(invitations.redeem(first.expose_secret(), now).unwrap(), None);
        let who = invitations.redeem(second.expose_secret(), now).unwrap();
        let us = rustix::process::geteuid().as_raw();
        assert_eq!(who, Some(account::name_of(us)));
        assert_eq!(invitations.redeem(second.expose_secret(), now).unwrap(), None);

        let late = invitations.issue(&ambient).unwrap();
        let after = ambient.now() + PATIENCE;
        assert_eq!(invitations.redeem(late.expose_secret(), after).unwrap(), None);
        assert_eq!(invitations.redeem(late.expose_secret(), now).unwrap(), None);
    }

    #[test]
    fn the_file_does_not_tell_the_code() {
        let (room, ambient) = (tempfile::tempdir().unwrap(), Ambient::system());
        let code = Invitations::of(room.path()).issue(&ambient).unwrap();
        for file in fs::read_dir(room.path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains(code.expose_secret()));
        }
    }
}
