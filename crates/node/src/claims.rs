//! Which agent of this machine gave out which user id, so that two agents never give out the same one.
//!
//! A claim is a file named by the user id that holds the claimant's state folder. It lives as long as
//! the machine's runtime folder; each agent renews its own when it opens. Where that folder cannot be
//! written nobody can claim anything, and only looking for ids in use is left.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use watchroom_kit::files::{PRIVATE_FILE, PRIVATE_FOLDER};

/// Where all agents of a machine that are root keep their claims.
const SHARED: &str = "/run/watchroom/uids";

/// Whose a user id is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Ours.
    Ours,
    /// Of the agent with this state folder.
    Theirs(PathBuf),
    /// Nobody can say: claims cannot be kept here.
    Unknown,
}

/// The claims of this machine, as one agent sees them.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    folder: PathBuf,
    state: PathBuf,
}

impl Claims {
    /// The claims of the agent with this state folder.
    pub(crate) fn of(state: &Path) -> Self {
        Self::kept_in(Path::new(SHARED), state)
    }

    /// The same, kept elsewhere.
    pub(crate) fn kept_in(folder: &Path, state: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            state: state.canonicalize().unwrap_or_else(|_| state.to_owned()),
        }
    }

    /// The state folder that the claims are made for.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// Claims a user id, unless a living agent's state folder holds it. Says whose it is now.
    pub(crate) fn take(&self, uid: u32) -> Claim {
        self.try_take(uid).unwrap_or_else(|error| {
            let folder = self.folder.display();
            tracing::debug!(%folder, %error, "user ids cannot be claimed on this machine");
            Claim::Unknown
        })
    }

    fn try_take(&self, uid: u32) -> io::Result<Claim> {
        let _turn = self.turn()?;
        let path = self.folder.join(uid.to_string());
        let holder = match fs::read(&path) {
            Ok(text) => PathBuf::from(OsString::from_vec(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => PathBuf::new(),
            Err(error) => return Err(error),
        };
        if holder == self.state {
            return Ok(Claim::Ours);
        }
        // An empty one is what a crash left; one whose state folder vanished has nobody behind it.
        let is_held = !holder.as_os_str().is_empty() && holder.try_exists().unwrap_or(true);
        if is_held {
            return Ok(Claim::Theirs(holder));
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut claim = options
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)?;
        claim.write_all(self.state.as_os_str().as_bytes())?;
        Ok(Claim::Ours)
    }

    /// One agent at a time looks and claims; held for a moment only.
    fn turn(&self) -> io::Result<File> {
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_FOLDER)
            .create(&self.folder)?;
        let mut options = OpenOptions::new();
        let options = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE);
        let lock = options.open(self.folder.join("lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_claimed_once_until_its_claimants_state_is_gone() {
        let shared = tempfile::tempdir().unwrap();
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = shared.path().join("uids");
        let (first, second) = (
            Claims::kept_in(&folder, one.path()),
            Claims::kept_in(&folder, other.path()),
        );
        assert_eq!(first.take(61_200), Claim::Ours);
        assert_eq!(first.take(61_200), Claim::Ours, "renewed");
        assert_eq!(second.take(61_200), Claim::Theirs(first.state().to_owned()));
        assert_eq!(second.take(61_201), Claim::Ours);
        drop(one);
        assert_eq!(second.take(61_200), Claim::Ours);
    }

    #[test]
    fn where_nothing_can_be_written_nobody_can_say() {
        let shared = tempfile::tempdir().unwrap();
        let file = shared.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(
            Claims::kept_in(&file.join("uids"), shared.path()).take(61_200),
            Claim::Unknown
        );
    }
}
