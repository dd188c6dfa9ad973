//! Files that survive a power cut, and folders that nobody else can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Mode of files that hold keys or secrets: readable and writable by the owner alone.
pub const PRIVATE_FILE: u32 = 0o600;
/// Mode of folders that hold state.
pub const PRIVATE_FOLDER: u32 = 0o700;
/// Mode of folders that others may pass through to what is theirs, without seeing what else is there.
pub const PASSABLE_FOLDER: u32 = 0o711;

/// Why a folder is not fit to hold state.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder is open to others. The message holds the command that mends it.
    #[error("{} is open to other users (mode {mode:04o}); run: chmod 700 {}", path.display(), path.display())]
    TooOpen {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to uid {owner}, not to us (uid {us}); run this as that account, or give it to us: chown {us} {}", path.display(), path.display())]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// It cannot be made, read or written.
    #[error("cannot use the folder {}: {source}; make sure that it exists and that uid {us} may write to it", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Who we are.
        us: u32,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes `path` (and its parents) if missing, as 0700, and refuses it if others could get in.
///
/// # Errors
/// [`FolderError`], whose message names the command that mends it.
pub fn private_folder(path: &Path) -> Result<(), FolderError> {
    closed_folder(path, PRIVATE_FOLDER)
}

/// The same for a folder below which others have something of their own: made as 0711, and refused if others
/// could list it or write to it.
///
/// # Errors
/// As [`private_folder`].
pub fn passable_folder(path: &Path) -> Result<(), FolderError> {
    closed_folder(path, PASSABLE_FOLDER)
}

/// Makes the folder with `widest` as its mode, or checks that it is open no wider than that.
fn closed_folder(path: &Path, widest: u32) -> Result<(), FolderError> {
    let us = rustix::process::geteuid().as_raw();
    let unusable = |source| FolderError::Unusable {
        path: path.to_owned(),
        us,
        source,
    };
    if !path.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(widest)
            .create(path)
            .map_err(unusable)?;
    }
    let metadata = fs::metadata(path).map_err(unusable)?;
    if !metadata.is_dir() {
        return Err(unusable(io::Error::from(io::ErrorKind::NotADirectory)));
    }
    if metadata.uid() != us {
        return Err(FolderError::ForeignOwner {
            path: path.to_owned(),
            owner: metadata.uid(),
            us,
        });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 & !widest != 0 {
        return Err(FolderError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).map_err(|errno| unusable(errno.into()))
}

/// Replaces the file at `path` with `content` so that after a crash it is wholly old or wholly new:
/// written to a temporary name, synced, renamed, folder synced.
///
/// # Errors
/// What the system said; the old file is then untouched.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // Of this thread alone: two that replace one file at once must not write into each other's copy.
    let temporary = folder.join(format!(
        ".{}.{}.new",
        name.to_string_lossy(),
        rustix::thread::gettid()
    ));
    let written = write_synced(&temporary, content, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The half-written copy is of no use to anybody; the first error is the one to report.
        drop(fs::remove_file(&temporary));
    }
    written?;
    sync_folder(folder)
}

/// Makes renames, creations and removals inside `folder` durable.
///
/// # Errors
/// What the system said.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The secret that is all a file holds, without the line's end.
///
/// # Errors
/// Why it cannot be used, with the next step: above all if other users can read it.
pub fn read_secret(path: &Path) -> Result<SecretString, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    refuse_exposed(path)?;
    Ok(SecretString::from(text.strip_suffix('\n').unwrap_or(&text)))
}

/// Refuses a file that others than its owner can read.
///
/// # Errors
/// The mode, and the command that mends it.
pub fn refuse_exposed(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "other users can read it (mode {mode:04o}); if nobody has, run: chmod 600 {}",
        path.display()
    ))
}

/// The file behind all links, unless somebody besides root and us can change it: itself, or by one of the folders on the way
/// to it, in which they could put another in its place.
///
/// # Errors
/// Who can, and the command that mends it.
pub fn refuse_foreign(path: &Path) -> Result<PathBuf, String> {
    let real = fs::canonicalize(path).map_err(|error| error.to_string())?;
    let us = rustix::process::geteuid().as_raw();
    for place in real.ancestors() {
        let metadata = fs::metadata(place).map_err(|error| error.to_string())?;
        let owner = metadata.uid();
        let what = if place == real { "it" } else { "a folder above it" };
        if owner != 0 && owner != us {
            return Err(format!(
                "{what} belongs to another user ({owner}), who could change it; if nobody has, run: chown root {}",
                place.display()
            ));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        // In a folder with the sticky bit, as /tmp is, nobody removes or renames what is another's.
        let is_shared = metadata.is_dir() && mode & 0o1000 != 0;
        if mode & 0o022 != 0 && !is_shared {
            return Err(format!(
                "other users can change {what} (mode {mode:04o}); if nobody has, run: chmod go-w {}",
                place.display()
            ));
        }
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_folder_open_to_others_is_refused_with_the_command_that_mends_it() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("state");
        private_folder(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let refusal = private_folder(&folder).unwrap_err().to_string();
        assert!(refusal.contains("chmod 700"), "{refusal}");
    }

    #[test]
    fn a_secret_is_read_without_its_line_end_and_only_if_nobody_else_can() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("password");
        replace(&path, b"correct horse\n", PRIVATE_FILE).unwrap();
        assert_eq!(read_secret(&path).unwrap().expose_secret(), "correct horse");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refusal = read_secret(&path).unwrap_err();
        assert!(
            refusal.contains("0640") && refusal.contains("chmod 600"),
            "{refusal}"
        );
    }

    #[test]
    fn replacing_keeps_the_mode_private_and_leaves_nothing_behind() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("key");
        replace(&path, b"one", PRIVATE_FILE).unwrap();
        replace(&path, b"two", PRIVATE_FILE).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            PRIVATE_FILE
        );
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_many_who_replace_one_file_at_once_each_succeeds_and_one_is_kept_whole() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("identity.json");
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        replace(path, &vec![b'a' + writer; 4_096], PRIVATE_FILE).unwrap();
                    }
                });
            }
        });
        let kept = fs::read(&path).unwrap();
        assert!(kept.len() == 4_096 && kept.iter().all(|byte| byte == &kept[0]));
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_can_change_is_refused_with_the_command_that_mends_it() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("library.so");
        replace(&path, b"", 0o755).unwrap();
        let real = fs::canonicalize(&path).unwrap();
        assert_eq!(refuse_foreign(&path), Ok(real));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o775)).unwrap();
        let refusal = refuse_foreign(&path).unwrap_err();
        assert!(
            refusal.contains("0775") && refusal.contains("chmod go-w"),
            "{refusal}"
        );
    }

    #[test]
    fn a_file_is_refused_that_others_could_put_another_in_the_place_of() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("lib");
        private_folder(&folder.join("pkcs11")).unwrap();
        let path = folder.join("pkcs11/library.so");
        replace(&path, b"", 0o755).unwrap();
        let link = room.path().join("link.so");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        for given in [&path, &link] {
            mode(0o755);
            assert_eq!(
                refuse_foreign(given),
                fs::canonicalize(&path).map_err(|error| error.to_string())
            );
            mode(0o777);
            let refusal = refuse_foreign(given).unwrap_err();
            let mends = format!("chmod go-w {}", folder.canonicalize().unwrap().display());
            assert!(
                refusal.contains("a folder above it") && refusal.ends_with(&mends),
                "{refusal}"
            );
            // Nobody renames there what is another's.
            mode(0o1777);
            refuse_foreign(given).unwrap();
        }
    }
}
