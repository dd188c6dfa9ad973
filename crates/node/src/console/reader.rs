//! Reads a console from any of its lines on, while somebody else writes it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use watchroom_model::console::{ConsoleEvent, Line};

use super::block::{HEADER, Header, LARGEST};
use super::segments;

/// Most lines given at once.
const MOST_LINES: usize = 2_048;
/// Bytes looked at in one go: at least one whole block.
const WINDOW: usize = HEADER + LARGEST;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// So many lines before the end.
    Last(u64),
    /// At this line.
    Offset(u64),
}

/// A place in a console.
#[derive(Debug)]
pub(crate) struct Reader {
    folder: PathBuf,
    /// The number of the line wanted next.
    next: u64,
    segment: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    first: u64,
    file: File,
    /// Where the next block to look at starts.
    at: u64,
}

impl Reader {
    /// Stands at `start`. A line that is not there yet stands for the end.
    pub(crate) fn open(folder: &Path, start: Start) -> io::Result<Self> {
        let end = segments::next_offset(folder).or_else(missing_is(0))?;
        let next = match start {
            Start::Last(count) => {
                // What retention has dropped is not missing from "the last lines": there are just fewer.
                let oldest = segments::list(folder)
                    .or_else(missing_is(Vec::new()))?
                    .first()
                    .copied()
                    .unwrap_or(0);
                end.saturating_sub(count).max(oldest)
            }
            Start::Offset(offset) => offset.min(end),
        };
        Ok(Self {
            folder: folder.to_owned(),
            next,
            segment: None,
        })
    }

    /// The next lines, or how many are gone; `None` at the end, for now.
    pub(crate) fn read(&mut self) -> io::Result<Option<ConsoleEvent>> {
        loop {
            let Some(mut segment) = self
                .segment
                .take()
                .map_or_else(|| self.seek(), |here| Ok(Some(here)))?
            else {
                return self.skip();
            };
            let lines = self.lines(&mut segment)?;
            if !lines.is_empty() {
                self.segment = Some(segment);
                return Ok(Some(ConsoleEvent::Lines(lines)));
            }
            if segment.first == self.next || !segments::path(&self.folder, self.next).exists() {
                let is_newest = segments::list(&self.folder)?
                    .last()
                    .is_none_or(|last| *last <= segment.first);
                if is_newest {
                    self.segment = Some(segment);
                    return Ok(None);
                }
                // A later segment exists that does not start here: it was written and others dropped meanwhile.
                // Look once more, because it may also have been closed between our two looks.
                let lines = self.lines(&mut segment)?;
                if !lines.is_empty() {
                    self.segment = Some(segment);
                    return Ok(Some(ConsoleEvent::Lines(lines)));
                }
                if !segments::path(&self.folder, self.next).exists() {
                    return self.skip();
                }
            }
        }
    }

    /// The segment that holds the wanted line, from its start.
    fn seek(&self) -> io::Result<Option<Segment>> {
        let firsts = segments::list(&self.folder).or_else(missing_is(Vec::new()))?;
        let Some(first) = firsts.into_iter().rev().find(|first| *first <= self.next) else {
            return Ok(None);
        };
        match File::open(segments::path(&self.folder, first)) {
            Ok(file) => Ok(Some(Segment { first, file, at: 0 })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Goes on at the oldest line there is after the wanted one.
    fn skip(&mut self) -> io::Result<Option<ConsoleEvent>> {
        let firsts = segments::list(&self.folder).or_else(missing_is(Vec::new()))?;
        let Some(to) = firsts.into_iter().find(|first| *first > self.next) else {
            return Ok(None);
        };
        let from = self.next;
        self.next = to;
        self.segment = None;
        Ok(Some(ConsoleEvent::Skipped { from, to }))
    }

    /// Wanted lines of the next blocks of `segment`; none at its end, where half a block may be under way.
    fn lines(&mut self, segment: &mut Segment) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut window = Vec::new();
        loop {
            // At the live end there is little to look at: the window is only as large as what is there.
            let left = segment.file.metadata()?.len().saturating_sub(segment.at);
            window.resize(usize::try_from(left).unwrap_or(WINDOW).min(WINDOW), 0);
            let len = read_full(&segment.file, &mut window, segment.at)?;
            let mut rest = window.get(..len).unwrap_or_default();
            let before = segment.at;
            while let Some(header) = rest.get(..HEADER).and_then(Header::decode) {
                let Some(text) = rest.get(HEADER..header.size()) else {
                    break;
                };
                self.take(&header, text, &mut lines);
                if self.next < header.end() {
                    return Ok(lines);
                }
                segment.at += header.size() as u64;
                rest = rest.get(header.size()..).unwrap_or_default();
                if lines.len() >= MOST_LINES {
                    return Ok(lines);
                }
            }
            if !lines.is_empty() || segment.at == before {
                return Ok(lines);
            }
        }
    }

    /// Takes the wanted lines of one block, as many as fit.
    fn take(&mut self, header: &Header, text: &[u8], lines: &mut Vec<Line>) {
        let skip = usize::try_from(self.next.saturating_sub(header.offset)).unwrap_or(usize::MAX);
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(header.at_micros) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let room = MOST_LINES.saturating_sub(lines.len());
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n').skip(skip).take(room) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let text = String::from_utf8_lossy(line).into_owned();
            lines.push(Line {
                offset: self.next,
                at,
                source: header.source,
                text,
            });
            self.next += 1;
        }
    }
}

fn read_full(file: &File, window: &mut [u8], at: u64) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = window.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + len as u64)? {
            0 => break,
            more => len += more,
        }
    }
    Ok(len)
}

/// A console nobody has written yet is an empty one.
fn missing_is<T>(value: T) -> impl FnOnce(io::Error) -> io::Result<T> {
    |error| {
        if error.kind() == io::ErrorKind::NotFound {
            Ok(value)
        } else {
            Err(error)
        }
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
