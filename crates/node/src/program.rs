//! Finding a server's program as its account would see it.
//!
//! The agent may be root, who sees everything: if it said of any path whether something is there, whoever may
//! create servers could ask it for the machine's secrets by name. So it looks with the eyes of the account,
//! by the mode bits along the way (access lists are not read: what only they grant is not seen), and what
//! the account cannot see is not there. The system decides for good when the program is run.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, access};

use crate::account::Account;
use crate::refusal::Refusal;

/// Links followed on one way; as many as the system follows.
const MOST_LINKS: u32 = 40;
/// The bit that lets a folder be passed and a file be run.
const EXECUTE: u32 = 0o1;

/// What the account sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// A file it may run.
    Program,
    /// Something else.
    Other,
    /// Nothing: it is not there, or the way to it is closed.
    Nothing,
}

/// The program's path: as given if it names one, otherwise from the search path. `None` as the account is
/// the agent's own.
pub(crate) fn find(
    name: &str,
    search: &str,
    home: &Path,
    account: Option<Account>,
) -> Result<PathBuf, Refusal> {
    let candidates: Vec<PathBuf> = if name.contains('/') {
        // A relative one is run relative to the working folder, which the shim enters.
        vec![PathBuf::from(name)]
    } else {
        search
            .split(':')
            .map(|folder| Path::new(if folder.is_empty() { "." } else { folder }).join(name))
            .collect()
    };
    let mut is_other = false;
    for candidate in candidates {
        match look(&candidate, home, account) {
            Sight::Program => return Ok(candidate),
            Sight::Other => is_other = true,
            Sight::Nothing => {}
        }
    }
    let program = name.to_owned();
    Err(if is_other {
        Refusal::NotExecutable { program }
    } else {
        Refusal::NoSuchProgram { program }
    })
}

fn look(program: &Path, home: &Path, account: Option<Account>) -> Sight {
    let Some(account) = account.filter(|account| account.uid != 0) else {
        let path = home.join(program);
        return match fs::metadata(&path) {
            Ok(found) if found.is_file() && access(&path, Access::EXEC_OK).is_ok() => Sight::Program,
            Ok(_) => Sight::Other,
            Err(_) => Sight::Nothing,
        };
    };
    match reach(program, home, account) {
        Some(found) if found.is_file() && may(&found, account) => Sight::Program,
        Some(_) => Sight::Other,
        None => Sight::Nothing,
    }
}

/// Walks to `path` as the system would for this account, starting inside `home` if it is relative.
fn reach(path: &Path, home: &Path, account: Account) -> Option<Metadata> {
    let mut here = home.canonicalize().unwrap_or_else(|_| PathBuf::from("/"));
    let mut left = steps(path);
    let mut links = 0;
    let mut found = fs::symlink_metadata(&here).ok()?;
    while let Some(step) = left.pop() {
        let is_root = step == OsStr::new("/");
        // The process folders show each process something else; no program is run from there.
        let is_closed = !(found.is_dir() && may(&found, account)) || here.starts_with("/proc");
        if is_closed && !is_root {
            return None;
        }
        let next = match step.to_str() {
            Some("/") => PathBuf::from("/"),
            Some("..") => here.parent().unwrap_or(&here).to_owned(),
            _ => here.join(&step),
        };
        let met = fs::symlink_metadata(&next).ok()?;
        if met.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            left.extend(steps(&fs::read_link(&next).ok()?));
        } else {
            (here, found) = (next, met);
        }
    }
    Some(found)
}

/// The steps of a way, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| *part != Component::CurDir);
    let mut steps: Vec<OsString> = named.map(|part| part.as_os_str().to_owned()).collect();
    steps.reverse();
    steps
}

/// Whether its mode lets the account pass the folder, or run the file.
fn may(found: &Metadata, account: Account) -> bool {
    let shift = if found.uid() == account.uid {
        6
    } else if found.gid() == account.gid {
        3
    } else {
        0
    };
    (found.mode() >> shift) & EXECUTE != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
    /// Somebody who owns nothing in these rooms.
    const STRANGER: Account = Account {
        uid: 65_519,
        gid: 65_519,
    };

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn code(name: &str, home: &Path, account: Option<Account>) -> String {
        find(name, PATH, home, account).map_or_else(|refusal| refusal.code().to_owned(), |_| "found".into())
    }

    #[test]
    fn programs_are_found_as_a_shell_would_and_missing_ones_are_named() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("plain"), "").unwrap();
        for account in [None, Some(STRANGER)] {
            assert_eq!(find("/bin/sh", PATH, home.path(), account), Ok("/bin/sh".into()));
            assert!(find("sh", PATH, home.path(), account).unwrap().is_absolute());
            assert_eq!(
                code("no-such-program-here", home.path(), account),
                "no_such_program"
            );
        }
        assert_eq!(code("./plain", home.path(), None), "not_executable");
    }

    #[test]
    fn what_the_account_cannot_see_is_told_as_what_is_not_there() {
        let room = tempfile::tempdir().unwrap();
        let (open, closed) = (room.path().join("open"), room.path().join("closed"));
        fs::create_dir(&open).unwrap();
        fs::create_dir_all(closed.join("inner")).unwrap();
        mode(room.path(), 0o755);
        mode(&open, 0o755);
        fs::write(closed.join("secret"), "").unwrap();
        mode(&closed.join("secret"), 0o755);
        mode(&closed, 0o700);
        symlink(closed.join("secret"), open.join("link")).unwrap();
        let name = |path: PathBuf| path.display().to_string();
        let asked = [
            name(closed.join("secret")),
            name(closed.join("missing")),
            name(open.join("link")),
            name(closed.join("inner/../../open/../../../../../../../../bin/sh")),
            name(closed.join("missing/../../open/../../../../../../../../bin/sh")),
            "/proc/self/exe".into(),
        ];
        for name in asked {
            let refused = find(&name, PATH, &open, Some(STRANGER)).unwrap_err();
            assert_eq!(refused, Refusal::NoSuchProgram { program: name });
        }
        let search = name(closed.clone());
        for name in ["secret", "missing"] {
            let refused = find(name, &search, &open, Some(STRANGER)).unwrap_err();
            assert_eq!(refused.code(), "no_such_program");
        }
        mode(&closed, 0o711);
        assert_eq!(code("./link", &open, Some(STRANGER)), "found");
    }

    #[test]
    fn a_circle_of_links_ends() {
        let room = tempfile::tempdir().unwrap();
        mode(room.path(), 0o755);
        symlink("b", room.path().join("a")).unwrap();
        symlink("a", room.path().join("b")).unwrap();
        assert_eq!(code("./a", room.path(), Some(STRANGER)), "no_such_program");
    }
}
