//! The only way from outside text to a file path: it cannot leave its root.
//!
//! Refused as text: absolute paths, `..`, backslashes, NUL, control characters and percent-encoded
//! forms of these. Refused at the file system: symbolic links that lead outside, by opening with
//! `openat2(2)` and `RESOLVE_BENEATH`, so that a link swapped in between check and use gains nothing.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

/// Longest relative path accepted, in bytes.
const LONGEST: usize = 1_024;

/// Why a text is not a path inside the root.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// It tries to leave the folder it is confined to.
    #[error("the path leaves its folder")]
    Escapes,
    /// It contains characters that no path here may have.
    #[error("the path contains a backslash, a control character or an encoded separator")]
    Forbidden,
    /// It is longer than 1,024 bytes.
    #[error("the path is longer than {LONGEST} bytes")]
    TooLong,
}

/// A folder that paths are confined to, held open so that renaming it changes nothing.
#[derive(Clone, Debug)]
pub struct ConfinedRoot {
    path: Arc<Path>,
    folder: Arc<OwnedFd>,
}

impl ConfinedRoot {
    /// Opens the folder `path` as a root.
    ///
    /// # Errors
    /// If it is not there or not a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty())?;
        Ok(Self {
            path: Arc::from(path),
            folder: Arc::new(folder),
        })
    }

    /// Confines `text` to this root; `.` and the empty text mean the root itself.
    ///
    /// # Errors
    /// [`PathError`] if the text could name anything outside.
    pub fn confine(&self, text: &str) -> Result<ConfinedPath, PathError> {
        Ok(ConfinedPath {
            relative: confined(text)?,
            root: self.clone(),
        })
    }
}

/// A path that stays inside its root.
#[derive(Clone, Debug)]
pub struct ConfinedPath {
    root: ConfinedRoot,
    relative: PathBuf,
}

impl ConfinedPath {
    /// The path below the root, without a leading separator.
    #[must_use]
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// The whole path, for showing and for programs that must be given one. Open through
    /// [`ConfinedPath::open`] wherever possible: only that is safe against links swapped in.
    #[must_use]
    pub fn absolute(&self) -> PathBuf {
        self.root.path.join(&self.relative)
    }

    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// `EXDEV` or `ELOOP` if a link leads outside, otherwise what the system said.
    pub fn open(&self) -> io::Result<File> {
        self.open_with(OFlags::RDONLY).map(File::from)
    }

    /// Opens an existing folder, to be used as a working directory.
    ///
    /// # Errors
    /// As [`ConfinedPath::open`].
    pub fn open_folder(&self) -> io::Result<OwnedFd> {
        self.open_with(OFlags::RDONLY | OFlags::DIRECTORY)
    }

    fn open_with(&self, flags: OFlags) -> io::Result<OwnedFd> {
        let relative = if self.relative.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.relative
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(
            &*self.root.folder,
            relative,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )?)
    }
}

fn confined(text: &str) -> Result<PathBuf, PathError> {
    if text.len() > LONGEST {
        return Err(PathError::TooLong);
    }
    let lower = text.to_ascii_lowercase();
    let is_encoded = ["%2e", "%2f", "%5c", "%00", "%25"]
        .iter()
        .any(|form| lower.contains(form));
    if is_encoded || text.contains('\\') || text.chars().any(char::is_control) {
        return Err(PathError::Forbidden);
    }
    if text.starts_with('/') {
        return Err(PathError::Escapes);
    }
    let mut path = PathBuf::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(PathError::Escapes),
            name => path.push(name),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests;
