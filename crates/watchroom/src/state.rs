//! The state folder: its layout, its permissions, and the lock by which only one Watchroom uses it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use watchroom_kit::FaultKind;
use watchroom_kit::files::{self, FolderError};

use crate::failure::Failure;

/// Longest path of a folder that still leaves room for `/shims/<id>.sock` within 108 bytes.
const LONGEST_SOCKET_FOLDER: usize = 56;

/// A state folder in use by this process.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Makes or checks the folder and takes its lock. `role` tells which locks exclude each other: a Host and
    /// a node may share a folder, two Hosts may not.
    ///
    /// # Errors
    /// If the folder cannot be used or is in use; the failure names the next step.
    pub fn open(folder: &Path, role: &str) -> Result<Self, Failure> {
        Self::prepare(folder)?;
        files::private_folder(&folder.join("run")).map_err(|error| unusable(&error))?;
        let path = folder.join("run").join(format!("{role}.lock"));
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(files::PRIVATE_FILE);
        let lock = options
            .open(&path)
            .map_err(|source| cannot_lock(&path, &source.to_string()))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let cause = format!(
                "another Watchroom {role} uses the state folder {}",
                folder.display()
            );
            return Err(
                Failure::new(FaultKind::Conflict, cause).next_step("stop it first, or give another --state")
            );
        }
        let folder = folder
            .canonicalize()
            .map_err(|source| cannot_lock(folder, &source.to_string()))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Makes or checks the folder itself, for whoever writes to it without running on it.
    ///
    /// # Errors
    /// If it cannot be used; the failure names the next step.
    pub fn prepare(folder: &Path) -> Result<(), Failure> {
        // As root, each server has an account of its own and must reach its folder below this one, by its
        // absolute path too: so others may pass, and see nothing. What holds keys or data is 0700 itself.
        let is_root = rustix::process::geteuid().is_root();
        let checked = if is_root {
            files::passable_folder(folder)
        } else {
            files::private_folder(folder)
        };
        checked.map_err(|error| unusable(&error))
    }

    /// The folder, as an absolute path.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder (0700) for sockets: `run` inside the state folder, or, where that is too deep for the 108 bytes
    /// that the path of a Unix socket may have, one under the system's runtime folder named after it.
    ///
    /// # Errors
    /// If neither will do.
    pub fn sockets(&self) -> Result<PathBuf, Failure> {
        let inside = self.folder.join("run");
        if inside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
            return Ok(inside);
        }
        let us = rustix::process::geteuid();
        let base = if us.is_root() {
            PathBuf::from("/run")
        } else {
            PathBuf::from(format!("/run/user/{us}"))
        };
        if !base.is_dir() {
            let cause = format!("{} is too deep for sockets", self.folder.display());
            return Err(
                Failure::new(FaultKind::Invalid, cause).next_step("give a --state with a shorter path")
            );
        }
        let name = blake3::hash(self.folder.as_os_str().as_encoded_bytes()).to_hex();
        let outside = base.join("watchroom").join(name.get(..16).unwrap_or(&name));
        files::private_folder(&outside).map_err(|error| unusable(&error))?;
        Ok(outside)
    }

    /// A folder inside it, made if missing (0700).
    ///
    /// # Errors
    /// If it cannot be made or is open to others.
    pub fn private(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(name);
        files::private_folder(&folder).map_err(|error| unusable(&error))?;
        Ok(folder)
    }
}

fn unusable(error: &FolderError) -> Failure {
    Failure::new(FaultKind::Internal, error.to_string())
}

fn cannot_lock(path: &Path, why: &str) -> Failure {
    let cause = format!("cannot use {}: {why}", path.display());
    Failure::new(FaultKind::Internal, cause)
        .next_step("make sure that this user may write there and the disk has space")
}
