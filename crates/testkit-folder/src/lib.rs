//! A folder for one test, gone after it whatever was still writing into it.
//!
//! A test ends while threads of what it tested may still be writing a last file. Removing a folder file by file
//! then fails, now and then, because one more has come; so it is tried until it succeeds.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tries to remove a folder, and the pause between two of them: more than any last write takes.
const TRIES: u32 = 300;
const PAUSE: Duration = Duration::from_millis(10);

/// A folder below the system's folder for temporary files, until it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder. Its name is short, as paths of Unix sockets must be.
    ///
    /// # Panics
    /// If it cannot be made: a test cannot go on without it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its folder has failed")]
    pub fn new() -> Self {
        let made = tempfile::Builder::new().prefix("wr").tempdir();
        Self(made.expect("a folder for temporary files").keep())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut was_gone = false;
        for _ in 0..TRIES {
            // Something was written just now, or is gone and comes again with what was being started. What stays in the
            // end is found by whoever runs all tests.
            let is_gone = match std::fs::remove_dir_all(&self.0) {
                Ok(()) => true,
                Err(why) => why.kind() == ErrorKind::NotFound,
            };
            if is_gone && was_gone {
                return;
            }
            was_gone = is_gone;
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_folder_is_removed_while_somebody_still_writes_into_it() {
        let folder = Folder::new();
        let path = folder.path().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (path, stop) = (path.clone(), Arc::clone(&stop));
            move || {
                for number in 0_u64.. {
                    let is_gone = std::fs::write(path.join(number.to_string()), "a last word").is_err();
                    if is_gone || stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        });
        drop(folder);
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        assert!(!path.exists());
    }
}
