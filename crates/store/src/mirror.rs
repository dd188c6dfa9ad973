//! The audit chain as files: JSON Lines in `audit/`, written from the table after each commit.
//!
//! Files of our chain lie in the folder itself, unless it holds those of another: of the database that this Host
//! used before. Then they lie in a folder of their own, named after the chain.
//!
//! The table is the truth. The mirror knows the last entry it wrote, asks the table for what follows, and
//! appends it; so a full disk or a crash delays it and loses nothing. A file is named after its day and its
//! first entry, and a new one begins with each day and after 64 MiB.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use watchroom_kit::files::{PRIVATE_FILE, private_folder};

use crate::StoreError;
use crate::engine::{Connection, Database};
use crate::entries::{self, AuditFilter, Line};

/// Size after which a new file begins, in bytes.
const LARGEST: u64 = 64 << 20;
/// Entries taken from the table at a time.
const BATCH: u64 = 1_000;
/// How much of a file's end is searched for its last whole line, in bytes; lines are far shorter.
const TAIL: u64 = 1 << 20;
/// How long a failed attempt rests before the next.
const REST: Duration = Duration::from_secs(5);

/// The thread that writes the files.
#[derive(Debug)]
pub(crate) struct Mirror {
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Starts the thread; it first catches up with the table.
    pub(crate) fn start(database: Arc<dyn Database>, folder: &Path, chain: String) -> Result<Self, String> {
        let (bell, rings) = sync_channel(1);
        let folder = of_chain(folder, &chain).map_err(|error| error.to_string())?;
        let run = move || {
            let mut book = Book {
                database,
                conn: None,
                folder,
                chain,
                open: None,
                last: None,
            };
            book.run(&rings);
        };
        let thread = thread::Builder::new()
            .name("audit-files".to_owned())
            .spawn(run)
            .map_err(|error| error.to_string())?;
        let mirror = Self {
            bell: Some(bell),
            thread: Some(thread),
        };
        mirror.wake();
        Ok(mirror)
    }

    /// Says that there is something to write. If the bell already rings, that one does.
    pub(crate) fn wake(&self) {
        if let Some(bell) = &self.bell {
            let _ = bell.try_send(());
        }
    }

    /// Writes what is left and ends.
    pub(crate) fn stop(&mut self) {
        self.wake();
        self.bell = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes audit files had panicked");
        }
    }
}

struct Book {
    database: Arc<dyn Database>,
    conn: Option<Box<dyn Connection>>,
    folder: PathBuf,
    chain: String,
    open: Option<OpenFile>,
    /// The last entry written, once known.
    last: Option<u64>,
}

struct OpenFile {
    file: File,
    day: String,
    size: u64,
}

impl Book {
    fn run(&mut self, rings: &Receiver<()>) {
        let mut was_failing = false;
        loop {
            let ring = if was_failing {
                rings.recv_timeout(REST)
            } else {
                rings.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let is_over = ring == Err(RecvTimeoutError::Disconnected);
            match self.catch_up() {
                Ok(()) => was_failing = false,
                Err(error) => {
                    if !was_failing || is_over {
                        tracing::error!(error = %error, "audit files fall behind; the database still has every entry");
                    }
                    was_failing = true;
                    // Whatever was half written is found again from the file itself.
                    (self.open, self.last, self.conn) = (None, None, None);
                }
            }
            if is_over {
                return;
            }
        }
    }

    fn catch_up(&mut self) -> io::Result<()> {
        loop {
            let last = match self.last {
                Some(last) => last,
                None => last_written(&self.folder)?,
            };
            self.last = Some(last);
            let lines = self.following(last).map_err(io::Error::other)?;
            let Some(newest) = lines.last().map(|line| line.place.seq) else {
                return Ok(());
            };
            for (day, lines) in by_day(&lines) {
                self.append(day, lines)?;
            }
            self.last = Some(newest);
        }
    }

    fn following(&mut self, last: u64) -> Result<Vec<Line>, StoreError> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.database.open_reader()?,
        };
        let everything = AuditFilter::default();
        let lines = entries::between(&*conn, &self.chain, &everything, (last, u64::MAX), BATCH);
        self.conn = Some(conn);
        lines
    }

    fn append(&mut self, day: &str, lines: &[Line]) -> io::Result<()> {
        let fits = self
            .open
            .as_ref()
            .is_some_and(|open| open.day == day && open.size < LARGEST);
        if !fits {
            let first = lines.first().map_or(0, |line| line.place.seq);
            self.open = Some(open_for(&self.folder, day, first)?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        open.file.write_all(&bytes)?;
        open.size += bytes.len() as u64;
        Ok(())
    }
}

/// Where the files of a chain lie.
fn of_chain(folder: &Path, chain: &str) -> io::Result<PathBuf> {
    let Some(newest) = newest(folder)? else {
        return Ok(folder.to_owned());
    };
    let first = io::BufReader::new(File::open(newest)?)
        .lines()
        .next()
        .transpose()?;
    let of = |line: String| {
        Some(
            serde_json::from_str::<Value>(&line)
                .ok()?
                .get("chain")?
                .as_str()?
                == chain,
        )
    };
    if first.and_then(of).unwrap_or(true) {
        return Ok(folder.to_owned());
    }
    let own = folder.join(chain);
    private_folder(&own).map_err(io::Error::other)?;
    Ok(own)
}

/// The day an entry belongs to, as in file names (`2026-01-31`).
fn day(line: &Line) -> &str {
    let at = line.text.find("\"timestamp\":\"").map(|at| at + 13);
    at.and_then(|at| line.text.get(at..at + 10))
        .unwrap_or("0000-00-00")
}

fn by_day(lines: &[Line]) -> impl Iterator<Item = (&str, &[Line])> {
    lines
        .chunk_by(|left, right| day(left) == day(right))
        .map(|run| (run.first().map_or("", day), run))
}

/// The newest file if it is of that day and has room, else a new one.
fn open_for(folder: &Path, day: &str, first: u64) -> io::Result<OpenFile> {
    let newest = newest(folder)?.filter(|path| {
        let is_of_day = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&format!("audit-{day}-")));
        is_of_day && fs::metadata(path).is_ok_and(|metadata| metadata.len() < LARGEST)
    });
    let path = newest.unwrap_or_else(|| folder.join(format!("audit-{day}-{first:012}.jsonl")));
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(PRIVATE_FILE)
        .open(path)?;
    let size = file.metadata()?.len();
    Ok(OpenFile {
        file,
        day: day.to_owned(),
        size,
    })
}

/// The file with the highest first entry.
fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for found in fs::read_dir(folder)? {
        let path = found?.path();
        let Some(first) = first_of(&path) else { continue };
        if newest.as_ref().is_none_or(|(known, _)| first > *known) {
            newest = Some((first, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The place of the last entry in the files. Lines at the end that a crash cut short are cut off and
/// written again from the table.
fn last_written(folder: &Path) -> io::Result<u64> {
    let Some(path) = newest(folder)? else { return Ok(0) };
    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    let size = file.metadata()?.len();
    let tail_from = size.saturating_sub(TAIL);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(tail_from))?;
    file.read_to_end(&mut tail)?;
    let (mut whole, mut last) = (tail.len(), None);
    while last.is_none() && whole > 0 {
        let before = tail.get(..whole).unwrap_or_default();
        last = last_line(before).and_then(place);
        if last.is_none() {
            let body = before.strip_suffix(b"\n").unwrap_or(before);
            whole = body
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
        }
    }
    if last.is_none() && tail_from > 0 {
        return Err(io::Error::other(format!(
            "{} ends in something that we did not write",
            path.display()
        )));
    }
    if whole < tail.len() {
        file.set_len(tail_from + whole as u64)?;
        file.sync_all()?;
    }
    Ok(last
        .or_else(|| first_of(&path).map(|first| first.saturating_sub(1)))
        .unwrap_or(0))
}

/// The last line, if it is whole.
fn last_line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()
}

fn place(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(line).ok()?.get("seq")?.as_u64()
}

/// The first entry of a file, from its name.
fn first_of(path: &Path) -> Option<u64> {
    let name = path
        .file_name()?
        .to_str()?
        .strip_prefix("audit-")?
        .strip_suffix(".jsonl")?;
    name.rsplit_once('-')?.1.parse().ok()
}
