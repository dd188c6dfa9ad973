//! How the machine is: load, memory and the servers' disk, for heartbeats.

use std::fs;
use std::path::Path;

use watchroom_model::Share;

/// One look at the machine. What cannot be read is zero: a heartbeat must not fail for want of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vitals {
    /// Load average over one minute.
    pub load: f64,
    /// Memory of the machine; in use is what could not be given to a program at once.
    pub memory: Share,
    /// The disk that holds the servers' folders.
    pub disk: Share,
}

impl Vitals {
    /// Looks at the machine: two small files of `/proc` and one `statvfs(2)`.
    pub(crate) fn look(servers: &Path) -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            load: first_number(&load),
            memory: memory_of(&memory),
            disk: disk_of(servers),
        }
    }
}

fn first_number(text: &str) -> f64 {
    text.split_ascii_whitespace()
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0)
}

fn memory_of(meminfo: &str) -> Share {
    let bytes = |name: &str| -> Option<u64> {
        let rest = meminfo
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()?
            .checked_mul(1_024)
    };
    let total_bytes = bytes("MemTotal").unwrap_or(0);
    let used_bytes = total_bytes.saturating_sub(bytes("MemAvailable").unwrap_or(total_bytes));
    Share {
        used_bytes,
        total_bytes,
    }
}

fn disk_of(folder: &Path) -> Share {
    rustix::fs::statvfs(folder).map_or_else(
        |_| Share::default(),
        |disk| {
            let total_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
            let free_bytes = disk.f_bfree.saturating_mul(disk.f_frsize);
            Share {
                used_bytes: total_bytes.saturating_sub(free_bytes),
                total_bytes,
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_and_a_disk() {
        let vitals = Vitals::look(Path::new("/"));
        assert!(vitals.memory.total_bytes > 0 && vitals.memory.used_bytes <= vitals.memory.total_bytes);
        assert!(vitals.disk.total_bytes > 0);
    }

    #[test]
    fn what_is_missing_is_zero_not_a_failure() {
        assert_eq!(
            memory_of("MemTotal: 10 kB\n"),
            Share {
                used_bytes: 0,
                total_bytes: 10_240
            }
        );
        assert!(first_number("").abs() < f64::EPSILON);
    }
}
