//! What can be seen from the machine: files, disk, clock, and under which account this runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use watchroom_kit::files::{self, PRIVATE_FOLDER};
use watchroom_web::{Check, Finding};

/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;
/// Below so much free space a warning is due, and below so much nothing can be relied on.
const LITTLE: u64 = 1_024 * MIB;
const LEAST: u64 = 128 * MIB;
/// Files by which programs that set the clock show that they do.
const TIME_KEEPERS: [&str; 5] = [
    "/run/systemd/timesync/synchronized",
    "/run/chrony/chronyd.pid",
    "/run/chronyd.pid",
    "/run/ntpd.pid",
    "/run/openntpd/ntpd.sock",
];

/// All of them, of the installation on this state folder.
pub(crate) fn examine(state: &Path) -> Vec<Check> {
    vec![secrets(state), disk(state), clock(), account()]
}

/// Who can read the keys.
fn secrets(state: &Path) -> Check {
    const ID: &str = "secrets";
    let folders = ["keys", "ssl", "db", "audit"].map(|name| state.join(name));
    let mut seen = 0_usize;
    let mut exposed = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        match look_into(folder) {
            Ok(found) => {
                seen += found.files;
                exposed.extend(found.exposed);
            }
            Err(error) => exposed.push(format!("{} cannot be read: {error}", folder.display())),
        }
    }
    match exposed.as_slice() {
        [] if seen == 0 => Check::found(
            ID,
            Finding::Warning,
            format!("{} holds no keys", state.display()),
            "`watchroom up` makes them at its first start; or give the right --state DIR",
        ),
        [] => Check::good(
            ID,
            format!("{seen} files below {} are ours alone", state.display()),
        ),
        exposed => Check::found(
            ID,
            Finding::Bad,
            exposed.join("; "),
            format!(
                "chmod -R go= {0}/keys {0}/ssl {0}/db {0}/audit; then make new keys if others use this machine",
                state.display()
            ),
        ),
    }
}

#[derive(Default)]
struct Found {
    files: usize,
    exposed: Vec<String>,
}

/// One folder that must be ours alone, with the files in it.
fn look_into(folder: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    if mode & !PRIVATE_FOLDER != 0 {
        found
            .exposed
            .push(format!("{} is open to others (mode {mode:o})", folder.display()));
    }
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        // Certificates and public keys are for everybody.
        let is_public = path
            .extension()
            .is_some_and(|kind| kind == "crt" || kind == "pub");
        if is_public || !path.is_file() {
            continue;
        }
        found.files += 1;
        if let Err(why) = files::refuse_exposed(&path) {
            found.exposed.push(format!("{}: {why}", path.display()));
        }
    }
    Ok(found)
}

/// How much can still be written.
fn disk(state: &Path) -> Check {
    const ID: &str = "disk";
    let next_step = "make room, or move the state folder to a larger disk; a full disk stops every change";
    let stat = match statvfs(state) {
        Ok(stat) => stat,
        Err(error) => {
            let evidence = format!("{} cannot be asked: {error}", state.display());
            return Check::found(ID, Finding::Bad, evidence, "give the right --state DIR");
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let all = stat.f_blocks.saturating_mul(stat.f_frsize).max(1);
    let percent = free.saturating_mul(100) / all;
    let evidence = format!("{} MiB ({percent} %) free for {}", free / MIB, state.display());
    match free {
        free if free < LEAST || stat.f_favail == 0 && stat.f_files > 0 => {
            Check::found(ID, Finding::Bad, evidence, next_step)
        }
        free if free < LITTLE || percent < 5 => Check::found(ID, Finding::Warning, evidence, next_step),
        _ => Check::good(ID, evidence),
    }
}

/// Whether something sets the clock: certificates, one-time codes and the log depend on it.
fn clock() -> Check {
    const ID: &str = "clock";
    match TIME_KEEPERS.iter().find(|path| Path::new(path).exists()) {
        Some(keeper) => Check::good(ID, format!("it is kept: {keeper} is there")),
        None => Check::found(
            ID,
            Finding::Advice,
            "no program that sets it was found; a container takes its time from the machine around it",
            "run systemd-timesyncd, chrony or ntpd here, or on the machine around this one",
        ),
    }
}

/// Under which account this runs.
fn account() -> Check {
    const ID: &str = "account";
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        Check::found(
            ID,
            Finding::Advice,
            "this runs as root",
            "run the Host as a service of its own with `watchroom host` under an account without rights, and the agent \
             with `watchroom node` as root, which it needs to give each server an account",
        )
    } else {
        Check::good(ID, format!("this runs as uid {uid}, without the rights of root"))
    }
}

#[cfg(test)]
mod tests {
    use watchroom_testkit_folder::Folder;

    use super::*;

    fn state() -> Folder {
        let folder = Folder::new();
        files::private_folder(&folder.path().join("keys")).unwrap();
        let key = folder.path().join("keys/cluster.secret");
        files::replace(&key, b"secret", files::PRIVATE_FILE).unwrap();
        folder
    }

    fn found(checks: &[Check], id: &str) -> Check {
        checks.iter().find(|check| check.id == id).unwrap().clone()
    }

    #[test]
    fn a_key_that_others_can_read_is_named() {
        let folder = state();
        let checks = examine(folder.path());
        let secrets = found(&checks, "secrets");
        assert_eq!(secrets.finding, Finding::Good, "{}", secrets.evidence);
        let key = folder.path().join("keys/cluster.secret");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let secrets = found(&examine(folder.path()), "secrets");
        assert_eq!(secrets.finding, Finding::Bad);
        assert!(
            secrets.evidence.contains("cluster.secret"),
            "{}",
            secrets.evidence
        );
        assert!(secrets.next_step.unwrap().contains("chmod"));
    }

    #[test]
    fn an_open_folder_and_one_without_keys_are_named() {
        let folder = state();
        let keys = folder.path().join("keys");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(found(&examine(folder.path()), "secrets").finding, Finding::Bad);
        let empty = Folder::new();
        assert_eq!(found(&examine(empty.path()), "secrets").finding, Finding::Warning);
    }

    #[test]
    fn a_disk_that_is_not_there_is_bad() {
        let disk = disk(Path::new("/there/is/no/such/folder"));
        assert_eq!(disk.finding, Finding::Bad);
    }
}
