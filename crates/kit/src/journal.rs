//! An append-only file of records with sync and replay: the memory of a node, and spools.
//!
//! Each record is framed as length (4 bytes, little endian), the first 8 bytes of its BLAKE3 hash, and
//! the payload. A torn last record, the mark of a power cut, is cut off at open; anything wrong before
//! that is damage and refused. After a failed sync nothing more is accepted until the file is opened
//! anew, because the kernel may have dropped the pages it could not write.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::files;

const HEADER: usize = 12;
/// Largest payload of one record, in bytes.
const LARGEST: usize = 4 << 20;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error("the journal {} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record before the last one does not match its hash.
    #[error("the journal {} is damaged at byte {offset}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record starts.
        offset: u64,
    },
    /// An earlier sync failed; the journal must be opened anew.
    #[error("the journal {} failed to sync earlier and takes nothing until it is reopened", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
    },
    /// The payload is larger than 4 MiB.
    #[error("a record of {len} bytes is larger than a journal takes")]
    TooLarge {
        /// Its size.
        len: usize,
    },
}

/// An open journal, positioned after its last good record.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    is_poisoned: bool,
}

impl Journal {
    /// Opens or makes the journal at `path` (0600) and returns it with every record it holds, oldest first.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if a record other than a torn last one is wrong, or what the system said.
    pub fn open(path: &Path) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(files::PRIVATE_FILE);
        let mut file = options.open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let (records, good) = replay(&bytes).map_err(|offset| JournalError::Damaged {
            path: path.to_owned(),
            offset,
        })?;
        if good < bytes.len() as u64 {
            file.set_len(good).and_then(|()| file.sync_all()).map_err(io)?;
        }
        file.seek(SeekFrom::Start(good)).map_err(io)?;
        Ok((
            Self {
                path: path.to_owned(),
                file,
                is_poisoned: false,
            },
            records,
        ))
    }

    /// Appends one record and returns once it is on disk.
    ///
    /// # Errors
    /// If it could not be made durable; the journal then takes nothing more until reopened.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if self.is_poisoned {
            return Err(JournalError::Poisoned {
                path: self.path.clone(),
            });
        }
        let record = frame(payload)?;
        let written = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        written.map_err(|source| {
            self.is_poisoned = true;
            JournalError::Io {
                path: self.path.clone(),
                source,
            }
        })
    }

    /// Replaces the whole content by `payloads`, wholly or not at all: how a long journal is made short.
    ///
    /// # Errors
    /// If the new file could not be made durable; the old one then stands.
    pub fn rewrite<'a>(&mut self, payloads: impl IntoIterator<Item = &'a [u8]>) -> Result<(), JournalError> {
        let mut content = Vec::new();
        for payload in payloads {
            content.extend_from_slice(&frame(payload)?);
        }
        let io = |source| JournalError::Io {
            path: self.path.clone(),
            source,
        };
        files::replace(&self.path, &content, files::PRIVATE_FILE).map_err(io)?;
        let (reopened, _) = Self::open(&self.path)?;
        *self = reopened;
        Ok(())
    }
}

fn frame(payload: &[u8]) -> Result<Vec<u8>, JournalError> {
    let too_large = || JournalError::TooLarge { len: payload.len() };
    if payload.len() > LARGEST {
        return Err(too_large());
    }
    let len = u32::try_from(payload.len()).map_err(|_| too_large())?;
    let mut record = Vec::with_capacity(HEADER + payload.len());
    record.extend_from_slice(&len.to_le_bytes());
    record.extend_from_slice(&digest(payload));
    record.extend_from_slice(payload);
    Ok(record)
}

fn digest(payload: &[u8]) -> [u8; 8] {
    let mut short = [0; 8];
    blake3::Hasher::new()
        .update(payload)
        .finalize_xof()
        .fill(&mut short);
    short
}

/// The good records and the length they cover, or the offset of a damaged one.
fn replay(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, u64), u64> {
    let mut records = Vec::new();
    let mut offset = 0;
    while let Some((len, rest)) = bytes.get(offset..).and_then(|rest| rest.split_first_chunk::<4>()) {
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        let Some((expected, rest)) = rest.split_first_chunk::<8>() else {
            break;
        };
        let Some(payload) = rest.get(..len) else { break };
        if digest(payload) != *expected {
            let is_last = rest.len() == len;
            if is_last {
                break;
            }
            return Err(offset as u64);
        }
        records.push(payload.to_vec());
        offset += HEADER + len;
    }
    Ok((records, offset as u64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_was_appended_comes_back_and_a_cut_anywhere_loses_only_the_tail(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 1..12),
            cut in any::<prop::sample::Index>(),
        ) {
            let room = tempfile::tempdir().unwrap();
            let path = room.path().join("journal");
            let (mut journal, before) = Journal::open(&path).unwrap();
            prop_assert!(before.is_empty());
            for payload in &payloads {
                journal.append(payload).unwrap();
            }
            let whole = std::fs::read(&path).unwrap();
            let at = cut.index(whole.len() + 1);
            std::fs::write(&path, &whole[..at]).unwrap();
            let (_, after) = Journal::open(&path).unwrap();
            prop_assert_eq!(&after[..], &payloads[..after.len()]);
            let covered: usize = after.iter().map(|payload| payload.len() + HEADER).sum();
            prop_assert!(after.len() == payloads.len() || at < covered + HEADER + payloads[after.len()].len());
        }
    }

    #[test]
    fn damage_in_the_middle_is_refused_not_skipped() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(b"first").unwrap();
        journal.append(b"second").unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEADER] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(JournalError::Damaged { offset: 0, .. })
        ));
    }

    #[test]
    fn rewriting_makes_a_long_journal_short() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        for _ in 0..100 {
            journal.append(b"old").unwrap();
        }
        journal.rewrite([b"new".as_slice()]).unwrap();
        journal.append(b"newer").unwrap();
        let (_, records) = Journal::open(&path).unwrap();
        assert_eq!(records, [b"new".to_vec(), b"newer".to_vec()]);
    }
}
