//! A process that is measured: its processor time and its memory, from `/proc`.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::thread::{CpuSet, gettid, sched_setaffinity};

/// The unit of processor times in `/proc` (USER_HZ), the same on all machines this is built for.
const TICKS_PER_SECOND: u64 = 100;

/// Pins this thread, and what it starts from now on, to one core.
pub fn pin_to(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).unwrap();
}

/// Lets every other thread go first from now on: what somebody waits for is then the server, and not whoever floods it from
/// the same core. Niceness alone would let this one finish its turn first, up to the next tick of the clock.
pub fn give_way() {
    let thread = gettid().as_raw_nonzero().to_string();
    let mut command = Command::new("chrt");
    let done = command.args(["--idle", "--pid", "0", &thread]).status().unwrap();
    assert!(done.success(), "chrt of util-linux: {done}");
}

/// A process by its number.
#[derive(Clone, Copy)]
pub struct Pinned(u32);

impl Pinned {
    pub fn of(child: &Child) -> Self {
        Self(child.id())
    }

    /// What it and its children that have ended spent so far, in the system and outside.
    pub fn processor_time(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The name in parentheses may hold spaces; behind it come state and numbers, from the third field on.
        let numbers: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = numbers[11..15]
            .iter()
            .map(|number| number.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }

    /// A field of its status in KiB, such as `VmRSS`.
    pub fn memory_kib(self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }
}
