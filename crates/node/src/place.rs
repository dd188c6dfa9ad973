//! Where a server works: a folder below our root that is its own, or one outside that the rules list.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Gid, Mode, OFlags, Uid, fchmod, fchown, fstat, mkdirat, openat};
use rustix::io::Errno;
use watchroom_kit::ConfinedRoot;
use watchroom_model::ServerSpec;

use crate::account::Account;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// What the system says when a link leads out of a confined root.
const EXDEV: i32 = Errno::XDEV.raw_os_error();

/// A working folder, confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The folder it may not leave.
    pub root: PathBuf,
    /// Its path below that.
    pub folder: String,
    /// Below our own root: we make it and give it to its account. A folder outside is its owner's matter.
    is_ours: bool,
}

impl Place {
    /// Where the server works.
    pub(crate) fn of(settings: &Settings, spec: &ServerSpec) -> Result<Self, Refusal> {
        let Some(text) = &spec.folder else {
            return Ok(Self {
                root: settings.servers.clone(),
                folder: spec.id.to_string(),
                is_ours: true,
            });
        };
        let outside = || Refusal::FolderOutside { folder: text.clone() };
        let (root, rest, is_ours) = if Path::new(text).is_absolute() {
            let allowed = settings
                .rules
                .folders
                .iter()
                .find(|allowed| Path::new(text).starts_with(allowed));
            let allowed = allowed.ok_or_else(outside)?;
            let rest = Path::new(text).strip_prefix(allowed).map_err(|_| outside())?;
            (allowed, rest.to_string_lossy().into_owned(), false)
        } else {
            (&settings.servers, text.clone(), true)
        };
        let opened = ConfinedRoot::open(root).map_err(|error| unusable(root, &error))?;
        let confined = opened.confine(&rest).map_err(|_| outside())?;
        let folder = confined.relative().to_string_lossy().into_owned();
        if is_ours && folder.is_empty() {
            return Err(outside());
        }
        match confined.open_folder() {
            Err(error) if error.raw_os_error() == Some(EXDEV) => Err(outside()),
            _ => Ok(Self {
                root: root.clone(),
                folder,
                is_ours,
            }),
        }
    }

    /// The whole path.
    pub(crate) fn absolute(&self) -> PathBuf {
        self.root.join(&self.folder)
    }

    /// Refuses a place that is that of another server, holds it, or lies in it: as written, and as links
    /// that are there now lead.
    pub(crate) fn apart_from(&self, settings: &Settings, others: &[ServerSpec]) -> Result<(), Refusal> {
        let ours = self.absolute();
        let real = resolved(&ours);
        let meets = |path: &Path| {
            let real_path = resolved(path);
            overlap(&ours, path) || overlap(&real, &real_path)
        };
        let is_taken = others.iter().any(|other| meets(&written(settings, other)));
        if is_taken {
            return Err(Refusal::FolderOfAnother {
                folder: self.folder.clone(),
            });
        }
        Ok(())
    }

    /// Makes the folder and gives it to the server's account. What was there before is never given away.
    pub(crate) fn prepare(&self, account: Option<Account>) -> Result<(), Refusal> {
        let path = self.absolute();
        let failed = |error: io::Error| unusable(&path, &error);
        if !self.is_ours {
            let root = ConfinedRoot::open(&self.root).map_err(failed)?;
            let confined = root
                .confine(&self.folder)
                .map_err(|error| failed(io::Error::other(error)))?;
            return confined.open_folder().map(drop).map_err(failed);
        }
        let us = rustix::process::geteuid().as_raw();
        let failed = |errno: Errno| unusable(&path, &errno.into());
        let mut here = openat(CWD, &self.root, FOLDER, Mode::empty()).map_err(failed)?;
        let mut parts = self.folder.split('/').peekable();
        while let Some(part) = parts.next() {
            let step = enter(&here, part).map_err(failed)?;
            let owner = fstat(&step.folder).map_err(failed)?.st_uid;
            let is_way = parts.peek().is_some();
            // Whoever owns a folder on the way could put a link in place of what is below it.
            let wanted = if is_way {
                Some(us)
            } else {
                account.map(|account| account.uid)
            };
            match (step.is_new, account) {
                (true, _) if is_way => fchmod(&step.folder, WAY).map_err(failed)?,
                (true, Some(account)) => give(&step.folder, account).map_err(failed)?,
                (true, None) => {}
                (false, _) if wanted.is_none_or(|wanted| wanted == owner) => {}
                (false, _) => {
                    return Err(Refusal::FolderNotItsOwn {
                        folder: self.folder.clone(),
                        owner,
                    });
                }
            }
            here = step.folder;
        }
        Ok(())
    }
}

/// A folder on the way can be passed by all and listed by none.
const WAY: Mode = Mode::from_raw_mode(0o711);

/// How folders are opened: the folder itself, never what a link in its place leads to.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

struct Step {
    folder: OwnedFd,
    is_new: bool,
}

/// Opens a folder, and makes it first if it is missing: private until told otherwise.
fn enter(parent: &OwnedFd, name: &str) -> rustix::io::Result<Step> {
    let open = || openat(parent.as_fd(), name, FOLDER, Mode::empty());
    let is_new = match open() {
        Ok(folder) => {
            return Ok(Step {
                folder,
                is_new: false,
            });
        }
        Err(Errno::NOENT) => match mkdirat(parent.as_fd(), name, Mode::RWXU) {
            Ok(()) => true,
            // Another start made it meanwhile.
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno),
        },
        Err(errno) => return Err(errno),
    };
    Ok(Step {
        folder: open()?,
        is_new,
    })
}

fn give(folder: &OwnedFd, account: Account) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    fchown(folder, Some(uid), Some(gid))
}

/// The path of a server's folder as its specification has it, whether it can be used now or not.
fn written(settings: &Settings, spec: &ServerSpec) -> PathBuf {
    let own = || spec.id.to_string();
    Place::of(settings, spec).map_or_else(
        |_| settings.servers.join(spec.folder.clone().unwrap_or_else(own)),
        |place| place.absolute(),
    )
}

/// The path with all links that are there followed; what is not there yet stays as written.
fn resolved(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    let mut there = path;
    loop {
        if let Ok(real) = there.canonicalize() {
            return missing.iter().rev().fold(real, |path, part| path.join(part));
        }
        match (there.parent(), there.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name.to_owned());
                there = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn unusable(folder: &Path, error: &io::Error) -> Refusal {
    Refusal::FolderUnusable {
        folder: folder.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_overlaps_with_itself_its_parents_and_its_children_alone() {
        let path = Path::new;
        assert!(overlap(path("/s/a"), path("/s/a")));
        assert!(overlap(path("/s/a"), path("/s/a/b")));
        assert!(overlap(path("/s/a/b"), path("/s/a")));
        assert!(!overlap(path("/s/a"), path("/s/ab")));
    }

    #[test]
    fn links_are_followed_as_far_as_there_is_anything() {
        let room = tempfile::tempdir().unwrap();
        let real = room.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("a")).unwrap();
        std::os::unix::fs::symlink("a", real.join("b")).unwrap();
        assert_eq!(resolved(&real.join("b/c/d")), real.join("a/c/d"));
    }
}
