//! Accounts servers run as: one of their own each, from a reserved range, or one that the rules name.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::claims::{Claim, Claims};
use crate::process;

/// User ids given to servers: the range that systemd reserves for accounts that exist only while a
/// service does, so that no administrator gives them to people.
const FIRST: u32 = 61_184;
/// The last of them.
const LAST: u32 = 65_519;

/// Somebody who owns nothing: as its own account, not yet made, will see this machine.
pub(crate) const STRANGER: Account = Account {
    uid: 65_534,
    gid: 65_534,
};

/// Who a server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
}

/// The account of this machine called `name`.
pub(crate) fn named(name: &str) -> Option<Account> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        is_it.then_some(Account { uid, gid })
    })
}

/// What the account with this number is called, or the number.
pub(crate) fn name_of(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let is_it = fields.nth(1)?.parse() == Ok(uid);
        is_it.then(|| name.to_owned())
    });
    named.unwrap_or_else(|| uid.to_string())
}

/// An account that nobody of this machine has, and that is claimed for us from now on. The search begins
/// at a place of this agent's own and goes on after the last one given, because a removed server's folder
/// stays and still belongs to its old account.
pub(crate) fn unused(taken: &BTreeSet<u32>, last_given: Option<u32>, claims: &Claims) -> Option<Account> {
    let listed = listed_uids();
    let is_free = |uid: &u32| {
        !taken.contains(uid)
            && !listed.contains(uid)
            && !Path::new("/run/systemd/dynamic-uid")
                .join(uid.to_string())
                .exists()
            && !matches!(claims.take(*uid), Claim::Theirs(_))
    };
    let after = last_given
        .map_or_else(|| first_of(claims.state()), |uid| uid.saturating_add(1))
        .clamp(FIRST, LAST);
    let uid = (after..=LAST).chain(FIRST..after).find(is_free)?;
    Some(Account { uid, gid: uid })
}

/// Where the agent with this state folder begins: two agents that know nothing of each other hardly ever meet.
fn first_of(state: &Path) -> u32 {
    let [a, b, c, d, ..] = *blake3::hash(state.as_os_str().as_bytes()).as_bytes();
    FIRST + u32::from_le_bytes([a, b, c, d]) % (LAST - FIRST + 1)
}

/// Whether servers are given this user id.
pub(crate) fn is_reserved(uid: u32) -> bool {
    (FIRST..=LAST).contains(&uid)
}

/// User ids in use now: of a living process, or of a folder that a server works or worked in.
pub(crate) fn in_use(servers: &Path) -> BTreeSet<u32> {
    let mut uids = process::live_uids();
    note_owners(servers, &mut uids, DEPTH);
    uids
}

/// How deep servers' folders are looked for: a folder that an order names has few parts.
const DEPTH: u32 = 16;

/// Notes the owners of the folders below; what is not ours is a server's, and is not looked into.
fn note_owners(folder: &Path, uids: &mut BTreeSet<u32>, depth: u32) {
    let us = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Of the entry itself: a link is not followed.
        let Ok(found) = entry.metadata() else { continue };
        uids.insert(found.uid());
        if found.is_dir() && found.uid() == us && depth > 0 {
            note_owners(&entry.path(), uids, depth - 1);
        }
    }
}

fn listed_uids() -> BTreeSet<u32> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .filter_map(|line| line.split(':').nth(2)?.parse().ok())
        .collect()
}

/// Whether we may change to other accounts at all.
pub(crate) fn are_we_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(room: &tempfile::TempDir) -> Claims {
        Claims::kept_in(&room.path().join("uids"), room.path())
    }

    #[test]
    fn two_servers_never_share_an_account_and_a_freed_one_is_not_given_again_at_once() {
        let room = tempfile::tempdir().unwrap();
        let claims = claims(&room);
        let mut taken = BTreeSet::new();
        let first = unused(&taken, None, &claims).unwrap();
        taken.insert(first.uid);
        let second = unused(&taken, Some(first.uid), &claims).unwrap();
        assert_ne!(first, second);
        let third = unused(&BTreeSet::new(), Some(second.uid), &claims).unwrap();
        assert!(third != second && third != first);
    }

    #[test]
    fn two_agents_never_give_out_the_same_even_if_they_begin_at_the_same_place() {
        let (room, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ours = claims(&room);
        let theirs = Claims::kept_in(&room.path().join("uids"), other.path());
        let given = unused(&BTreeSet::new(), Some(FIRST), &ours).unwrap();
        assert_ne!(unused(&BTreeSet::new(), Some(FIRST), &theirs), Some(given));
    }

    #[test]
    fn the_range_wraps_and_ends() {
        let room = tempfile::tempdir().unwrap();
        let given = unused(&BTreeSet::new(), Some(LAST), &claims(&room)).unwrap();
        assert!(is_reserved(given.uid));
        assert_eq!(unused(&(FIRST..=LAST).collect(), None, &claims(&room)), None);
        assert!(is_reserved(first_of(room.path())));
    }

    #[test]
    fn the_owners_of_folders_are_in_use() {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir_all(room.path().join("a/b")).unwrap();
        let uids = in_use(room.path());
        assert!(uids.contains(&rustix::process::geteuid().as_raw()));
    }

    #[test]
    fn root_is_found_by_name_and_strangers_are_not() {
        assert_eq!(named("root"), Some(Account { uid: 0, gid: 0 }));
        assert_eq!(named("no-such-account-here"), None);
    }
}
