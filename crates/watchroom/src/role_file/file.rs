//! `<state>/role.toml`, and the one before it in `role.toml.previous`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use watchroom_kit::{FaultKind, files};
use watchroom_trust::NodeKey;

use super::{Copy, Statement};
use crate::failure::Failure;

/// The copy on disk.
#[derive(Clone, Debug)]
pub(crate) struct RoleFile {
    path: PathBuf,
}

impl RoleFile {
    pub(crate) fn of(state: &Path) -> Self {
        Self {
            path: state.join("role.toml"),
        }
    }

    /// What it says.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn read(&self, key: &NodeKey) -> Result<Copy, Failure> {
        let text = read(&self.path).map_err(|error| self.unusable(&error))?;
        Ok(Copy::of(text.as_deref(), key))
    }

    /// What the one before it says: the last resort if everything else is lost.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn read_previous(&self, key: &NodeKey) -> Result<Copy, Failure> {
        let text = read(&self.previous()).map_err(|error| self.unusable(&error))?;
        Ok(Copy::of(text.as_deref(), key))
    }

    /// Keeps the statement, wholly or not at all, and what was there beside it.
    ///
    /// # Errors
    /// What the system said; the file is then as it was.
    pub(crate) fn write(&self, statement: &Statement) -> Result<(), Failure> {
        let write = || {
            if let Some(before) = read(&self.path)? {
                files::replace(&self.previous(), &before, files::PRIVATE_FILE)?;
            }
            files::replace(&self.path, statement.text().as_bytes(), files::PRIVATE_FILE)
        };
        write().map_err(|error| self.unusable(&error))
    }

    fn previous(&self) -> PathBuf {
        self.path.with_extension("toml.previous")
    }

    fn unusable(&self, error: &io::Error) -> Failure {
        let cause = format!("{} cannot be used: {error}", self.path.display());
        Failure::new(FaultKind::Internal, cause).next_step(
            "make sure that the disk has space and that this user may write there; nothing is lost",
        )
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
