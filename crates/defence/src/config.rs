//! The section `bans`: what evidence leads to a ban, and how long it lasts.

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};

/// A ban lasts a minute at least and a year at most.
const LASTS_S: std::ops::RangeInclusive<u32> = 60..=31_536_000;

/// What evidence leads to a ban, and how long it lasts. A number of 0 means that such evidence never does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long evidence counts, in seconds. Default: 600.
    pub within_s: u32,
    /// Failed sign-ins under so many names from one network (IPv4: a /24, IPv6: a /64). Default: 4.
    pub names: u32,
    /// Lockouts in one network; a first one is only a lockout. Default: 2.
    pub lockouts: u32,
    /// Requests of one address that were refused because they look like an attack. Default: 5.
    pub inspections: u32,
    /// Requests of one address that were refused because it had sent too many. Default: 2000.
    pub limited: u32,
    /// Whether touching a decoy bans at once. Default: true.
    pub decoys: bool,
    /// How long the first ban of a network lasts, the second, and so on; the last for all that follow. In
    /// seconds. Default: 3600, 14400, 86400, 604800 (an hour, four hours, a day, a week).
    pub steps_s: Vec<u32>,
    /// How long a ban makes the next one of the same network longer, in seconds. Default: 2592000 (30 days).
    pub remembered_s: u32,
    /// Most bans by evidence at once: each new one is told to the edge and to all nodes, and takes the longer the more there are.
    /// Beyond that evidence leads to none until one is over; what it is about is refused all the same. Default: 4096.
    pub most: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            within_s: 600,
            names: 4,
            lockouts: 2,
            inspections: 5,
            limited: 2_000,
            decoys: true,
            steps_s: vec![3_600, 14_400, 86_400, 604_800],
            remembered_s: 30 * 86_400,
            most: 4_096,
        }
    }
}

impl Section for Config {
    const NAME: &'static str = "bans";

    fn check(&self, problems: &mut Problems) {
        if !(10..=86_400).contains(&self.within_s) {
            problems.add(
                "bans.within_s",
                format!("{} is not between 10 and 86400", self.within_s),
            );
        }
        if self.names > 1_000 {
            problems.add("bans.names", format!("{} is more than 1000", self.names));
        }
        if self.steps_s.is_empty() {
            problems.add("bans.steps_s", "wants at least one duration in seconds");
        }
        for step in self.steps_s.iter().filter(|step| !LASTS_S.contains(*step)) {
            problems.add(
                "bans.steps_s",
                format!("{step} is not between {} and {}", LASTS_S.start(), LASTS_S.end()),
            );
        }
        if !LASTS_S.contains(&self.remembered_s) {
            let (shortest, longest) = (LASTS_S.start(), LASTS_S.end());
            let rule = format!("{} is not between {shortest} and {longest}", self.remembered_s);
            problems.add("bans.remembered_s", rule);
        }
        if !(1..=100_000).contains(&self.most) {
            problems.add("bans.most", format!("{} is not between 1 and 100000", self.most));
        }
    }
}

impl Config {
    /// How long a ban lasts, in microseconds, if so many of the network are remembered.
    pub(crate) fn lasts(&self, before: u64) -> i64 {
        let step = usize::try_from(before).unwrap_or(usize::MAX);
        let step = self.steps_s.get(step).or(self.steps_s.last());
        i64::from(step.copied().unwrap_or(3_600)) * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ban_lasts_longer_than_the_last_up_to_a_week() {
        let config = Config::default();
        let hours: Vec<i64> = (0..6)
            .map(|before| config.lasts(before) / 3_600_000_000)
            .collect();
        assert_eq!(hours, [1, 4, 24, 168, 168, 168]);
    }

    #[test]
    fn what_cannot_be_is_reported_all_at_once() {
        let wrong = Config {
            within_s: 1,
            names: 5_000,
            steps_s: vec![5],
            remembered_s: 0,
            most: 0,
            ..Config::default()
        };
        let mut problems = Problems::default();
        wrong.check(&mut problems);
        let keys: Vec<String> = problems
            .into_vec()
            .into_iter()
            .map(|problem| problem.key)
            .collect();
        assert_eq!(
            keys,
            [
                "bans.within_s",
                "bans.names",
                "bans.steps_s",
                "bans.remembered_s",
                "bans.most"
            ]
        );
    }
}
