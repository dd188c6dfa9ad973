//! The segments of a console: files named by the number of their first line.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::block::{HEADER, Header};

/// The file of the segment whose first line has this number.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// The first numbers of all segments, oldest first.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let first: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|first| first.parse().ok());
        firsts.extend(first);
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// How far a segment is sound: its length in bytes up to there, and the number of the line that comes next.
pub(super) fn sound_end(file: &File, first: u64) -> io::Result<(u64, u64)> {
    let len = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let (mut at, mut next) = (0, first);
    let mut bytes = [0; HEADER];
    while at + HEADER as u64 <= len {
        reader.read_exact(&mut bytes)?;
        let Some(header) = Header::decode(&bytes).filter(|header| header.offset == next) else {
            break;
        };
        let end = at + header.size() as u64;
        if end > len {
            break;
        }
        reader.seek_relative(i64::from(header.len))?;
        (at, next) = (end, header.end());
    }
    Ok((at, next))
}

/// The number that the next line of this console will have.
pub(super) fn next_offset(folder: &Path) -> io::Result<u64> {
    let Some(first) = list(folder)?.last().copied() else {
        return Ok(0);
    };
    Ok(sound_end(&File::open(path(folder, first))?, first)?.1)
}
