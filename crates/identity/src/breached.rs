//! A local list of passwords that have been in the hands of others: one SHA-1 digest in hexadecimal on each line, sorted,
//! as the well-known collections are given out (`<40 digits>`, perhaps `:` and a count).
//!
//! Such lists have tens of gigabytes. A password is looked up by halving the file: some forty short reads, nothing of it in
//! memory, and nothing of the password leaves this machine.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXUPPER;
use sha1::{Digest as _, Sha1};
use watchroom_kit::{ExposeSecret, SecretString};

/// Digits of a digest.
const DIGITS: usize = 40;
/// More than any line has: the digits, a colon, a count and the line's end.
const LONGEST: usize = 80;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line is not what it must be.
    #[error("{} has a line, near byte {at}, that does not begin with 40 hexadecimal digits", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
    },
}

/// Whether the password is in the list of that file.
pub(crate) fn contains(path: &Path, password: &SecretString) -> Result<bool, ListError> {
    let wanted = HEXUPPER.encode(&Sha1::digest(password.expose_secret().as_bytes()));
    let list = List::open(path)?;
    list.holds(wanted.as_bytes())
}

/// Looks at both ends of the list: whether it is one.
pub(crate) fn check(path: &Path) -> Result<(), ListError> {
    let list = List::open(path)?;
    if list.length == 0 {
        return Err(list.unfit(0));
    }
    list.line_at(0)?;
    list.line_at(list.length - 1)?;
    Ok(())
}

struct List {
    path: PathBuf,
    file: File,
    length: u64,
}

/// A line: where it begins, where the next one does, and its digits in upper case.
struct Line {
    begins: u64,
    ends: u64,
    digits: [u8; DIGITS],
}

impl List {
    fn open(path: &Path) -> Result<Self, ListError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|error| unreadable(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
        })
    }

    /// Halves what is left until it is empty. `from` always begins a line.
    fn holds(&self, wanted: &[u8]) -> Result<bool, ListError> {
        let (mut from, mut to) = (0, self.length);
        while from < to {
            let line = self.line_at(from + (to - from) / 2)?;
            match wanted.cmp(&line.digits[..]) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => to = line.begins,
                std::cmp::Ordering::Greater => from = line.ends,
            }
        }
        Ok(false)
    }

    /// The line that holds this byte.
    fn line_at(&self, at: u64) -> Result<Line, ListError> {
        let before = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let start = at.saturating_sub(before);
        let mut bytes = [0; 2 * LONGEST];
        let read = self.fill(&mut bytes, start)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        let offset = usize::try_from(at - start).unwrap_or(0);
        let (head, tail) = bytes.split_at_checked(offset).ok_or_else(|| self.unfit(at))?;
        let begins = match head.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if start == 0 => 0,
            None => return Err(self.unfit(at)),
        };
        let ends = match tail.iter().position(|byte| *byte == b'\n') {
            Some(end) => offset + end + 1,
            None if start + u64::try_from(read).unwrap_or(0) >= self.length => read,
            None => return Err(self.unfit(at)),
        };
        let line = bytes.get(begins..ends).unwrap_or_default();
        let (digits, rest) = line.split_first_chunk::<DIGITS>().ok_or_else(|| self.unfit(at))?;
        let is_fit = digits.iter().all(u8::is_ascii_hexdigit)
            && rest.first().is_none_or(|byte| b":\r\n".contains(byte));
        if !is_fit {
            return Err(self.unfit(at));
        }
        let absolute = |within: usize| start + u64::try_from(within).unwrap_or(0);
        Ok(Line {
            begins: absolute(begins),
            ends: absolute(ends),
            digits: digits
                .to_ascii_uppercase()
                .try_into()
                .map_err(|_| self.unfit(at))?,
        })
    }

    fn fill(&self, bytes: &mut [u8], from: u64) -> Result<usize, ListError> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = from + u64::try_from(filled).unwrap_or(0);
            match self.file.read_at(rest, at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&self.path, error)),
            }
        }
        Ok(filled)
    }

    fn unfit(&self, at: u64) -> ListError {
        ListError::Unfit {
            path: self.path.clone(),
            at,
        }
    }
}

fn unreadable(path: &Path, error: io::Error) -> ListError {
    ListError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_testkit_folder::Folder;

    use super::*;

    fn digest(password: &str) -> String {
        HEXUPPER.encode(&Sha1::digest(password.as_bytes()))
    }

    fn list(folder: &Folder, lines: &[String]) -> PathBuf {
        let path = folder.path().join("breached");
        std::fs::write(&path, lines.concat()).unwrap();
        path
    }

    #[test]
    fn the_first_the_last_and_the_one_between_are_found_and_others_are_not() {
        let folder = Folder::new();
        let known: Vec<String> = (0..1_000).map(|n| format!("known-{n}")).collect();
        let mut lines: Vec<String> = known
            .iter()
            .enumerate()
            .map(|(n, one)| {
                format!(
                    "{}:{}\r\n",
                    digest(one),
                    3_usize.pow(u32::try_from(n % 15).unwrap())
                )
            })
            .collect();
        lines.sort();
        let path = list(&folder, &lines);
        check(&path).unwrap();
        for one in &known {
            assert!(contains(&path, &one.as_str().into()).unwrap(), "{one}");
        }
        for n in 0..1_000 {
            let other = format!("other-{n}");
            assert!(!contains(&path, &other.as_str().into()).unwrap(), "{other}");
        }
    }

    #[test]
    fn what_is_no_list_is_told() {
        let folder = Folder::new();
        let missing = folder.path().join("missing");
        assert!(matches!(check(&missing), Err(ListError::Unreadable { .. })));
        for text in ["", "password\n", &"A".repeat(500), &format!("{}x\n", digest("a"))] {
            let path = list(&folder, &[text.to_owned()]);
            assert!(matches!(check(&path), Err(ListError::Unfit { .. })), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_found_wherever_it_stands(
            all in proptest::collection::btree_set("[a-z]{1,9}", 1..60),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just(":7\n")],
            cut in any::<bool>(),
        ) {
            let folder = Folder::new();
            let mut lines: Vec<String> = all.iter().map(|one| digest(one) + end).collect();
            lines.sort();
            if cut {
                // A file may end without the end of its last line.
                let last = lines.pop().unwrap();
                lines.push(last.trim_end().to_owned());
            }
            let path = list(&folder, &lines);
            for one in &all {
                prop_assert!(contains(&path, &one.as_str().into()).unwrap());
            }
            prop_assert!(!contains(&path, &"A-is-never-there".into()).unwrap());
        }
    }
}
