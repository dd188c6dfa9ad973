//! The parsers of this crate, open to the fuzz targets and to the test below; no other build has them.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use watchroom_model::console::ConsoleEvent;

use crate::console::{Reader, Start};
use crate::shim::protocol::{Ask, Tell, unframe};

/// Bytes that came from an agent or a shim. Each frame that is taken out leaves less behind.
pub fn shim_frames(bytes: &[u8]) {
    drain::<Ask>(bytes);
    drain::<Tell>(bytes);
}

fn drain<T: DeserializeOwned>(bytes: &[u8]) {
    let mut left = bytes.to_vec();
    loop {
        let before = left.len();
        match unframe::<T>(&mut left) {
            Ok(Some(_)) => assert!(left.len() < before, "a frame of nothing"),
            Ok(None) | Err(_) => return,
        }
    }
}

/// A console whose only segment, in `folder`, holds these bytes, read from the line `from` on. The numbers of lines
/// go up without a gap that is not told.
///
/// # Errors
/// What the system said about the folder.
pub fn console_page(folder: &Path, from: u64, bytes: &[u8]) -> std::io::Result<()> {
    fs::write(folder.join(format!("{:020}.log", 0)), bytes)?;
    let mut reader = Reader::open(folder, Start::Offset(from))?;
    let mut next = None;
    while let Some(event) = reader.read()? {
        match event {
            ConsoleEvent::Lines(lines) => {
                for line in lines {
                    assert!(next.is_none_or(|next| next == line.offset), "a gap nobody told");
                    next = Some(line.offset + 1);
                }
            }
            ConsoleEvent::Skipped { from, to } => {
                assert!(from < to);
                next = Some(to);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_hooks_stand_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), from in 0_u64..4) {
            shim_frames(&bytes);
            let folder = tempfile::tempdir().unwrap();
            console_page(folder.path(), from, &bytes).unwrap();
        }
    }
}
