//! One cluster secret after the other on the disk of this machine.
//!
//! The next one lies beside the one in force until the database has what is sealed under it. Whatever moment the power
//! fails at, one of the two files opens what is there.

use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::ClusterSecret;
use crate::keyfile::{self, KeyFileError};
use crate::sealed::FILE;

const NEXT: &str = "cluster.secret.next";
/// How the names of files begin whose secret is not in force.
const FORMER: [&str; 2] = ["cluster.secret.before-", "cluster.secret.unused-"];

impl ClusterSecret {
    /// The one that is to take the place of the one in force; `None` if there is none.
    ///
    /// # Errors
    /// If the file holds something else, or others could read it.
    pub fn next(state: &Path) -> Result<Option<Self>, KeyFileError> {
        Self::read(state, NEXT)
    }

    /// Keeps it beside the one in force (0600), durably.
    ///
    /// # Errors
    /// What the system said.
    pub fn keep_next(&self, state: &Path) -> Result<(), KeyFileError> {
        self.write(state, NEXT)
    }

    /// Sets one aside that was to be next, as `cluster.secret.unused-<seconds>`: here nothing is sealed under it, and what another
    /// database has is not known.
    ///
    /// # Errors
    /// What the system said.
    pub fn set_next_aside(state: &Path, now: OffsetDateTime) -> Result<(), KeyFileError> {
        if let Some(next) = Self::next(state)? {
            next.write(state, &format!("{FILE}.unused-{}", now.unix_timestamp()))?;
        }
        keyfile::remove(&state.join("keys").join(NEXT))
    }

    /// Those that were in force before, or set aside, each with its file. What cannot be read is none.
    #[must_use]
    pub fn former(state: &Path) -> Vec<(PathBuf, Self)> {
        let files = fs::read_dir(state.join("keys")).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let names = names.filter(|name| FORMER.iter().any(|how| name.starts_with(how)));
        let read = names.filter_map(|name| {
            let secret = Self::read(state, &name).ok()??;
            Some((state.join("keys").join(name), secret))
        });
        read.collect()
    }

    /// Lets it take the place of the one in force, which stays beside it as `cluster.secret.before-<seconds>`: it opens
    /// backups of the database from before. May be done again after a power cut in the middle.
    ///
    /// # Errors
    /// What the system said.
    pub fn take_over(&self, state: &Path, now: OffsetDateTime) -> Result<(), KeyFileError> {
        if let Some(before) = Self::open(state)?.filter(|before| before.bytes() != self.bytes()) {
            before.write(state, &format!("{FILE}.before-{}", now.unix_timestamp()))?;
        }
        self.keep(state)?;
        keyfile::remove(&state.join("keys").join(NEXT))
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::{Entropy, ExposeSecret};

    use super::*;

    fn text(secret: Option<ClusterSecret>) -> Option<String> {
        secret.map(|secret| secret.text().expose_secret().to_owned())
    }

    #[test]
    fn the_next_takes_over_once_and_the_one_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let [old, new] = [1, 2].map(|seed| ClusterSecret::by_chance(&Entropy::seeded(seed)));
        old.keep(state).unwrap();
        new.keep_next(state).unwrap();
        assert_eq!(
            text(ClusterSecret::open(state).unwrap()),
            text(Some(old.clone())),
            "it waits"
        );
        let now = OffsetDateTime::from_unix_timestamp(1_795_435_200).unwrap();
        for _ in 0..2 {
            ClusterSecret::next(state)
                .unwrap()
                .unwrap_or_else(|| new.clone())
                .take_over(state, now)
                .unwrap();
            assert_eq!(text(ClusterSecret::open(state).unwrap()), text(Some(new.clone())));
            assert!(ClusterSecret::next(state).unwrap().is_none());
        }
        let kept = state.join("keys/cluster.secret.before-1795435200");
        let kept = fs::read_to_string(kept).unwrap();
        assert_eq!(Some(kept.trim().to_owned()), text(Some(old)));
        assert_eq!(ClusterSecret::former(state).len(), 1);
        new.keep_next(state).unwrap();
        ClusterSecret::set_next_aside(state, now).unwrap();
        assert!(ClusterSecret::next(state).unwrap().is_none());
        assert_eq!(ClusterSecret::former(state).len(), 2, "nothing is thrown away");
    }
}
