//! Processes told apart for sure: a pid alone may be somebody else's by now, a pid with its start time not.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The environment variable by which the processes of one run are known, even if they left its group.
pub(crate) const RUN_MARK: &str = "WATCHROOM_RUN";

/// A process that cannot be mistaken for a later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub start_ticks: u64,
}

impl Identity {
    /// The process that has this number now, unless it is only a zombie.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// Kills it and its process group, if it is still the one we know.
    pub(crate) fn kill_group(&self) {
        if let Some(pid) = self.is_alive().then(|| number(self.pid)).flatten() {
            // Gone between the look and the signal is as good.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// A pid as the system calls want it.
pub(crate) fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn parse(pid: u32, stat: &str) -> Option<Identity> {
    // The name in brackets may itself hold brackets and spaces: fields count from the last bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X" | "x")).then_some(Identity { pid, start_ticks })
}

/// Names this boot of the machine; differs after each restart of it.
pub(crate) fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

/// Whom the processes of one run are known by. A mark in the environment is lost by whoever wants to lose
/// it; a user id that belongs to this server alone is not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kin {
    /// The run whose mark they carry.
    pub run: Uuid,
    /// The user id that is this server's alone, if it has one.
    pub uid: Option<u32>,
}

impl Kin {
    /// Kills all of them, until none is left or `rounds` looks have passed. Blocks for some milliseconds
    /// between looks. Says whether none is left.
    ///
    /// What forks in a circle can slip through a look from one number to the next. So before a look that finds nobody is
    /// believed, the whole user id is swept once.
    pub(crate) fn end(&self, rounds: u32) -> bool {
        let mark = format!("{RUN_MARK}={}", self.run);
        let mut is_swept = self.uid.is_none();
        for round in 1..=rounds {
            let left: Vec<u32> = pids().filter(|pid| self.has(*pid, mark.as_bytes())).collect();
            if left.is_empty() && is_swept {
                return true;
            }
            let is_sweep_due = left.is_empty() || round % ROUNDS_BEFORE_SWEEP == 0;
            for pid in left {
                self.end_one(pid, mark.as_bytes());
            }
            if let Some(uid) = self.uid.filter(|_| is_sweep_due) {
                sweep(uid);
                is_swept = true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        !pids().any(|pid| self.has(pid, mark.as_bytes()))
    }

    fn has(&self, pid: u32, mark: &[u8]) -> bool {
        let is_ours = self.uid.is_some_and(|uid| uids(pid).contains(&uid)) || is_marked(pid, mark);
        is_ours && Identity::of(pid).is_some()
    }

    fn end_one(&self, pid: u32, mark: &[u8]) {
        let held = number(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // Looked at again: before it was held, the number may have become somebody else's.
        if let Some(held) = held.filter(|_| self.has(pid, mark)) {
            // Gone meanwhile is as good.
            let _ = pidfd_send_signal(held, Signal::KILL);
        }
    }
}

/// Looks that find processes of a user id before all of them are killed in one stroke.
const ROUNDS_BEFORE_SWEEP: u32 = 20;

/// Kills all processes of a user id in one stroke, which those that fork faster than anybody can look cannot
/// outrun: a process of that very account asks for it, because the kernel takes "all" to be all that it may kill.
fn sweep(uid: u32) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "kill -KILL -1"]).uid(uid).gid(uid);
    command.env_clear().current_dir("/");
    let swept = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = swept {
        tracing::warn!(uid, %error, "the processes of a server cannot be ended in one stroke; they are ended one by one");
    }
}

fn is_marked(pid: u32, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == mark)
}

/// The user ids that a process has: real, effective, saved and that of its file accesses.
fn uids(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.unwrap_or_default()
        .split_ascii_whitespace()
        .filter_map(|uid| uid.parse().ok())
        .collect()
}

/// The user ids that any process has now.
pub(crate) fn live_uids() -> BTreeSet<u32> {
    pids().flat_map(uids).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn we_are_alive_and_a_name_with_brackets_deceives_nobody() {
        let us = Identity::of(std::process::id()).unwrap();
        assert!(us.is_alive());
        assert!(
            !Identity {
                start_ticks: us.start_ticks + 1,
                ..us
            }
            .is_alive()
        );
        let stat = "7 (a) Z 1 (b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(
            parse(7, stat),
            Some(Identity {
                pid: 7,
                start_ticks: 4_711
            })
        );
        assert_eq!(parse(7, &stat.replace(" S ", " Z ")), None);
    }

    #[test]
    fn we_are_among_the_living_accounts() {
        let us = rustix::process::geteuid().as_raw();
        assert!(live_uids().contains(&us));
        assert!(uids(std::process::id()).contains(&us));
        assert_eq!(uids(0), [0_u32; 0]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,80}") {
            let _ = parse(1, &text);
        }
    }
}
