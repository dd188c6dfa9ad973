//! The two files of the panel's certificate, and the mark that says which of them we made.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchroom_kit::files;

use super::FilesSeen;
use crate::Fingerprint;
use crate::authority::CERTIFICATE_FILE;
use crate::keyfile::{self, KeyFileError};

/// Where certificate, key and mark are.
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    mark: PathBuf,
}

/// Hashes of the files that we wrote: the newest pair, then the one before, because a crash may fall
/// between the mark and the files it announces.
#[derive(Default, Serialize, Deserialize)]
struct Mark {
    certificates: Vec<Fingerprint>,
    keys: Vec<Fingerprint>,
}

impl Pair {
    pub(crate) fn below(folder: &Path) -> Self {
        Self {
            certificate: folder.join("server.crt"),
            key: folder.join("server.key"),
            mark: folder.join("made-by-watchroom.json"),
        }
    }

    /// The two files as they are now.
    pub(crate) fn seen(&self) -> FilesSeen {
        FilesSeen([&self.certificate, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            let changed = (found.ctime(), found.ctime_nsec());
            Some((found.dev(), found.ino(), found.size(), changed))
        }))
    }

    /// Whether neither file exists.
    pub(crate) fn is_missing(&self) -> bool {
        !self.certificate.exists() && !self.key.exists()
    }

    /// Whether both may be made anew: the certificate is one that we wrote, or there is none that could be
    /// read and the key is not an administrator's either.
    pub(crate) fn is_ours(&self) -> Result<bool, KeyFileError> {
        let mark = self.read_mark()?;
        let certificate = keyfile::read(&self.certificate)?;
        if let Some(content) = &certificate {
            if mark.certificates.contains(&Fingerprint::of(content)) {
                return Ok(true);
            }
            if keyfile::certificates(&self.certificate, content).is_ok() {
                return Ok(false);
            }
        }
        let key = keyfile::read_key(&self.key)?;
        let is_key_ours = key
            .as_ref()
            .map(|content| mark.keys.contains(&Fingerprint::of(content)));
        Ok(is_key_ours.unwrap_or(certificate.is_none()))
    }

    /// Writes a new pair. A file that we did not write is kept beside it under another name.
    pub(crate) fn replace(&self, certificate: &str, key: &str, now: i64) -> Result<(), KeyFileError> {
        let mut mark = self.read_mark()?;
        keep_foreign(
            &self.certificate,
            keyfile::read(&self.certificate)?.as_deref(),
            &mark.certificates,
            now,
        )?;
        keep_foreign(
            &self.key,
            keyfile::read_key(&self.key)?.as_ref().map(|key| key.as_slice()),
            &mark.keys,
            now,
        )?;
        mark.certificates
            .insert(0, Fingerprint::of(certificate.as_bytes()));
        mark.keys.insert(0, Fingerprint::of(key.as_bytes()));
        mark.certificates.truncate(2);
        mark.keys.truncate(2);
        let io = |source: serde_json::Error| KeyFileError::Io {
            path: self.mark.clone(),
            source: source.into(),
        };
        keyfile::write(
            &self.mark,
            &serde_json::to_vec(&mark).map_err(io)?,
            files::PRIVATE_FILE,
        )?;
        keyfile::write(&self.key, key.as_bytes(), files::PRIVATE_FILE)?;
        keyfile::write(&self.certificate, certificate.as_bytes(), CERTIFICATE_FILE)
    }

    fn read_mark(&self) -> Result<Mark, KeyFileError> {
        let Some(content) = keyfile::read(&self.mark)? else {
            return Ok(Mark::default());
        };
        serde_json::from_slice(&content).map_err(|error| KeyFileError::Unreadable {
            path: self.mark.clone(),
            what: "list of what Watchroom made",
            why: error.to_string(),
        })
    }
}

fn keep_foreign(
    path: &Path,
    content: Option<&[u8]>,
    ours: &[Fingerprint],
    now: i64,
) -> Result<(), KeyFileError> {
    let Some(content) = content else { return Ok(()) };
    if ours.contains(&Fingerprint::of(content)) {
        return Ok(());
    }
    let aside = path.with_added_extension(format!("kept-{now}"));
    fs::rename(path, &aside).map_err(|source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    })
}
