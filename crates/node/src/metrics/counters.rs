//! The kernel's own numbers, as `proc(5)` tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use watchroom_model::{Disk, Share};

/// Disks that are looked at.
const MOST_DISKS: usize = 16;

/// What is known at one moment. Counters only grow, until the machine is restarted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counters {
    /// Clock ticks that all cores were busy, and all there were.
    ticks: Option<(u64, u64)>,
    pub(super) load: f64,
    pub(super) memory: Share,
    pub(super) swap: Share,
    pub(super) disks: Vec<Disk>,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
    /// Process groups by the process that leads them.
    pub(super) groups: BTreeMap<u32, Group>,
}

/// What a process group has used, and uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Group {
    pub(super) cpu_seconds: f64,
    pub(super) memory_bytes: u64,
}

impl Counters {
    /// Reads them below `proc`, with the groups that `leaders` lead.
    pub(super) fn read(proc: &Path, leaders: impl Iterator<Item = u32>) -> Self {
        let text = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
        let (received_bytes, sent_bytes) = network(&text("net/dev"));
        let (memory, swap) = memory(&text("meminfo"));
        let load = text("loadavg");
        Self {
            ticks: ticks(&text("stat")),
            load: load
                .split_ascii_whitespace()
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
            memory,
            swap,
            disks: disks(&text("self/mounts")),
            received_bytes,
            sent_bytes,
            groups: groups(proc, &leaders.collect()),
        }
    }

    /// How busy the cores were since `before`, in hundredths.
    pub(super) fn busy_percent(&self, before: &Self) -> Option<f64> {
        let ((busy, all), (busy_before, all_before)) = (self.ticks?, before.ticks?);
        let (busy, all) = (busy.saturating_sub(busy_before), all.saturating_sub(all_before));
        (all > 0).then(|| number(busy) / number(all) * 100.0)
    }
}

/// A count as a number to divide by: exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "nobody sees the last bit of 2^53 bytes in a chart"
)]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

fn ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // user nice system idle iowait irq softirq steal; what guests use is in user already.
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .take(8)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    (ticks.len() >= 5).then_some((all - idle, all))
}

fn memory(meminfo: &str) -> (Share, Share) {
    let bytes = |name: &str| -> u64 {
        let line = meminfo
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        number.unwrap_or(0).saturating_mul(1_024)
    };
    let share = |total_bytes: u64, free: u64| Share {
        used_bytes: total_bytes.saturating_sub(free),
        total_bytes,
    };
    (
        share(bytes("MemTotal"), bytes("MemAvailable")),
        share(bytes("SwapTotal"), bytes("SwapFree")),
    )
}

fn network(devices: &str) -> (u64, u64) {
    let rows = devices.lines().filter_map(|line| line.split_once(':'));
    let counts = rows.filter(|(name, _)| name.trim() != "lo").map(|(_, counts)| {
        let counts: Vec<u64> = counts
            .split_ascii_whitespace()
            .filter_map(|count| count.parse().ok())
            .collect();
        let count = |place: usize| counts.get(place).copied().unwrap_or(0);
        (count(0), count(8))
    });
    counts.fold((0, 0), |(received, sent), (more, out)| {
        (received + more, sent + out)
    })
}

/// What is mounted from a device of this machine, each device once. A network's file system may hang whoever looks.
fn disks(mounts: &str) -> Vec<Disk> {
    let mut seen = BTreeSet::new();
    let rows = mounts.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        Some((fields.next()?, fields.next()?))
    });
    let own = rows.filter(|(device, _)| device.starts_with("/dev/") && seen.insert((*device).to_owned()));
    let shares = own.filter_map(|(_, mount)| {
        let disk = rustix::fs::statvfs(mount).ok()?;
        let total_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
        let share = Share {
            used_bytes: total_bytes.saturating_sub(disk.f_bfree.saturating_mul(disk.f_frsize)),
            total_bytes,
        };
        Some(Disk {
            mount: mount.to_owned(),
            share,
        })
    });
    shares.take(MOST_DISKS).collect()
}

fn groups(proc: &Path, leaders: &BTreeSet<u32>) -> BTreeMap<u32, Group> {
    let mut groups = BTreeMap::new();
    if leaders.is_empty() {
        return groups;
    }
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let pids = processes.filter(|entry| {
        entry
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit)
    });
    for entry in pids {
        // One that has ended meanwhile is not there any more.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((leader, used)) = process(&stat) else {
            continue;
        };
        if leaders.contains(&leader) {
            let group: &mut Group = groups.entry(leader).or_default();
            group.cpu_seconds += used.cpu_seconds;
            group.memory_bytes += used.memory_bytes;
        }
    }
    groups
}

/// The group of a process, and what it uses.
fn process(stat: &str) -> Option<(u32, Group)> {
    // The name in brackets may itself hold brackets and spaces: fields count from the last bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let ticks = field(11)? + field(12)?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    let group = Group {
        cpu_seconds: number(ticks) / number(per_second),
        memory_bytes: field(21)?.saturating_mul(page),
    };
    Some((fields.get(2)?.parse().ok()?, group))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_busy_part_leaves_out_idling_and_waiting_for_disks() {
        let at = |text: &str| Counters {
            ticks: ticks(text),
            ..Counters::default()
        };
        let before = at("cpu  100 0 100 700 100 0 0 0 0 0\n");
        let after = at("cpu  150 0 125 775 150 0 0 0 0 0\n");
        assert_eq!(after.busy_percent(&before), Some(37.5));
        assert_eq!(before.busy_percent(&before), None, "no time has passed");
    }

    #[test]
    fn the_loopback_is_no_network() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n eth1:5 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n";
        assert_eq!(network(text), (105, 9));
    }

    #[test]
    fn a_process_is_told_by_its_group_whatever_it_is_called() {
        let stat = "7 (a) Z 1 (b) S 1 42 7 0 -1 4194560 1 0 0 0 30 20 0 0 20 0 1 0 4711 0 3 0";
        let (leader, group) = process(stat).unwrap();
        assert_eq!((leader, group.memory_bytes), (42, 3 * 4_096));
        assert!(group.cpu_seconds > 0.0);
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in "\\PC{0,120}") {
            let _ = (ticks(&text), network(&text), memory(&text), process(&text));
        }
    }
}
