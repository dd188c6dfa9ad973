//! What the machine did in the last hour: a look each five seconds, in a ring of bounded size.
//!
//! The ring is memory alone: an agent that starts anew has not looked yet. The numbers are the kernel's own
//! ([`counters`]); what cannot be read is left out.

mod counters;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;
use watchroom_model::{Sample, ServerId, ServerUse, Traffic};

use self::counters::Counters;

/// How long between two looks.
pub(crate) const PACE: Duration = Duration::from_secs(5);
/// Looks that are kept: an hour of them.
const KEPT: usize = 720;

/// The last hour.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    samples: VecDeque<Sample>,
    before: Option<(Duration, Counters)>,
}

impl Ring {
    /// Looks at the machine, at `now` and `elapsed` on a clock that never jumps. `servers` are the processes that lead
    /// the servers' groups. Reads some hundred small files.
    pub(crate) fn look(
        &mut self,
        proc: &Path,
        now: OffsetDateTime,
        elapsed: Duration,
        servers: &BTreeMap<ServerId, u32>,
    ) {
        let counters = Counters::read(proc, servers.values().copied());
        let before = self.before.as_ref();
        let since = before.map(|(at, before)| (elapsed.saturating_sub(*at).as_secs_f64(), before));
        let since = since.filter(|(seconds, _)| *seconds > 0.0);
        let sample = Sample {
            at: now,
            cpu_percent: since.and_then(|(_, before)| counters.busy_percent(before)),
            load: counters.load,
            memory: counters.memory,
            swap: counters.swap,
            disks: counters.disks.clone(),
            network: since.map(|(seconds, before)| counters.traffic(before, seconds)),
            servers: uses(&counters, since, servers),
        };
        self.before = Some((elapsed, counters));
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// What was seen after `since`, oldest first.
    pub(crate) fn after(&self, since: OffsetDateTime) -> Vec<Sample> {
        let later = self.samples.iter().skip_while(|sample| sample.at <= since);
        later.cloned().collect()
    }
}

fn uses(
    counters: &Counters,
    since: Option<(f64, &Counters)>,
    servers: &BTreeMap<ServerId, u32>,
) -> Vec<ServerUse> {
    let seen = servers.iter().filter_map(|(id, leader)| {
        let group = counters.groups.get(leader)?;
        let before = since.and_then(|(seconds, before)| Some((seconds, before.groups.get(leader)?)));
        let cpu_percent = before.map(|(seconds, before)| {
            // A process that ended takes its time with it.
            (group.cpu_seconds - before.cpu_seconds).max(0.0) / seconds * 100.0
        });
        Some(ServerUse {
            id: *id,
            cpu_percent,
            memory_bytes: group.memory_bytes,
        })
    });
    seen.collect()
}

impl Counters {
    fn traffic(&self, before: &Self, seconds: f64) -> Traffic {
        let rate = |now: u64, before: u64| counters::number(now.saturating_sub(before)) / seconds;
        Traffic {
            received_bytes_per_s: rate(self.received_bytes, before.received_bytes),
            sent_bytes_per_s: rate(self.sent_bytes, before.sent_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use time::macros::datetime;
    use watchroom_kit::Ambient;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn looked(ring: &mut Ring, second: u64, servers: &BTreeMap<ServerId, u32>) {
        let after = Duration::from_secs(second);
        ring.look(Path::new("/proc"), START + after, after, servers);
    }

    #[test]
    fn a_look_sees_this_machine_and_the_second_one_has_rates() {
        let mut ring = Ring::default();
        looked(&mut ring, 5, &BTreeMap::new());
        looked(&mut ring, 10, &BTreeMap::new());
        let samples = ring.after(START);
        assert!(samples[0].cpu_percent.is_none() && samples[0].network.is_none());
        assert!(samples[1].network.is_some());
        assert!(samples.iter().all(|sample| sample.memory.total_bytes > 0));
        assert_eq!(
            ring.after(START + Duration::from_secs(5)).len(),
            1,
            "only what is later"
        );
    }

    #[test]
    fn the_ring_keeps_an_hour() {
        let mut ring = Ring::default();
        let sample = |second: u64| Sample {
            at: START + Duration::from_secs(second),
            cpu_percent: None,
            load: 0.0,
            memory: Default::default(),
            swap: Default::default(),
            disks: Vec::new(),
            network: None,
            servers: Vec::new(),
        };
        ring.samples = (0..720).map(|number| sample(number * 5)).collect();
        looked(&mut ring, 3_600, &BTreeMap::new());
        let samples = ring.after(START - PACE);
        assert_eq!((samples.len(), samples[0].at), (720, START + PACE));
    }

    #[test]
    fn a_server_is_counted_with_the_children_of_its_group() {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 60 & wait"]).process_group(0);
        let mut server = command.stdout(Stdio::null()).spawn().unwrap();
        let id = ServerId::mint(&Ambient::system());
        let servers = BTreeMap::from([(id, server.id())]);
        let mut ring = Ring::default();
        looked(&mut ring, 5, &servers);
        looked(&mut ring, 10, &servers);
        let seen = ring.after(START);
        rustix::process::kill_process_group(
            crate::process::number(server.id()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        server.wait().unwrap();
        assert_eq!(seen[1].servers[0].id, id);
        assert!(seen[1].servers[0].memory_bytes > 0);
        assert!(
            seen[1].servers[0]
                .cpu_percent
                .is_some_and(|percent| percent >= 0.0)
        );
    }
}
