//! Appends lines to a console. One writer at a time: a lock on the folder sees to it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use watchroom_kit::files::{PRIVATE_FILE, PRIVATE_FOLDER};
use watchroom_model::console::Source;

use super::block::{HEADER, Header};
use super::segments;

/// How much of a console is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    /// A segment is closed once it has so many bytes.
    pub segment_bytes: u64,
    /// So many segments are kept.
    pub segments: usize,
}

impl Default for Bounds {
    /// 8 segments of 4 MiB: weeks of an ordinary game server, and nothing a small disk would notice.
    fn default() -> Self {
        Self {
            segment_bytes: 4 << 20,
            segments: 8,
        }
    }
}

/// An open console. Lines gather in memory until [`Writer::flush`].
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    bounds: Bounds,
    segment: File,
    segment_len: u64,
    /// The number of the next line, gathered ones included.
    next: u64,
    /// The number of the first gathered line.
    kept: u64,
    gathered: Vec<u8>,
    lost: u64,
    _lock: File,
}

impl Writer {
    /// Opens (or makes) the console in `folder`, after what is sound of it.
    ///
    /// # Errors
    /// `WouldBlock` if somebody else writes it, otherwise what the system said.
    pub(crate) fn open(folder: &Path, bounds: Bounds) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_FOLDER)
            .create(folder)?;
        let lock = private().read(true).open(folder.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        let first = segments::list(folder)?.last().copied().unwrap_or(0);
        let mut segment = private().read(true).open(segments::path(folder, first))?;
        let (segment_len, next) = segments::sound_end(&segment, first)?;
        segment.set_len(segment_len)?;
        segment.seek(SeekFrom::End(0))?;
        let folder = folder.to_owned();
        let gathered = Vec::new();
        Ok(Self {
            folder,
            bounds,
            segment,
            segment_len,
            next,
            kept: next,
            gathered,
            lost: 0,
            _lock: lock,
        })
    }

    /// The number the next line will have.
    pub(crate) fn next_offset(&self) -> u64 {
        self.next
    }

    /// Gathers the lines that `fill` appends, each ended by a newline; it says how many.
    pub(crate) fn gather(&mut self, source: Source, at_micros: i64, fill: impl FnOnce(&mut Vec<u8>) -> u32) {
        let start = self.gathered.len();
        self.gathered.extend_from_slice(&[0; HEADER]);
        let lines = fill(&mut self.gathered);
        let len = u32::try_from(self.gathered.len() - start - HEADER).unwrap_or(u32::MAX);
        if lines == 0 {
            self.gathered.truncate(start);
            return;
        }
        let header = Header {
            source,
            len,
            lines,
            offset: self.next,
            at_micros,
        }
        .encode();
        if let Some(place) = self.gathered.get_mut(start..start + HEADER) {
            place.copy_from_slice(&header);
        }
        self.next += u64::from(lines);
    }

    /// Gathers one remark or input line; line ends inside it become spaces.
    pub(crate) fn line(&mut self, source: Source, at_micros: i64, text: &str) {
        self.gather(source, at_micros, |lines| {
            lines.extend(text.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            lines.push(b'\n');
            1
        });
    }

    /// Bytes gathered and not yet written.
    pub(crate) fn gathered(&self) -> usize {
        self.gathered.len()
    }

    /// Writes what was gathered. A full disk never stops the server: its lines are then dropped, counted,
    /// and the count is written as a remark once there is room again.
    pub(crate) fn flush(&mut self, at_micros: i64) {
        if self.lost > 0 && !self.gathered.is_empty() {
            let remark = format!(
                "{} lines before this could not be kept: the disk refused them",
                self.lost
            );
            self.line(Source::System, at_micros, &remark);
        }
        if self.gathered.is_empty() {
            return;
        }
        match self.write() {
            Ok(()) => {
                self.lost = 0;
                self.kept = self.next;
            }
            Err(_) => {
                // The cause stays on the disk's side; what a reader needs is how many lines are missing.
                let is_remarked = u64::from(self.lost > 0);
                self.lost += (self.next - self.kept).saturating_sub(is_remarked);
                self.next = self.kept;
                drop(self.segment.set_len(self.segment_len));
                drop(self.segment.seek(SeekFrom::Start(self.segment_len)));
            }
        }
        self.gathered.clear();
    }

    fn write(&mut self) -> io::Result<()> {
        if self.segment_len >= self.bounds.segment_bytes {
            self.segment = private().open(segments::path(&self.folder, self.kept))?;
            self.segment_len = 0;
            let firsts = segments::list(&self.folder)?;
            let surplus = firsts.len().saturating_sub(self.bounds.segments);
            for first in firsts.into_iter().take(surplus) {
                fs::remove_file(segments::path(&self.folder, first))?;
            }
        }
        self.segment.write_all(&self.gathered)?;
        self.segment_len += self.gathered.len() as u64;
        Ok(())
    }

    /// Makes what was flushed durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.segment.sync_data()
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE);
    options
}
