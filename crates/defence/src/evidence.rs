//! Weighing evidence: what was seen from one network within a while, and when it is enough for a ban. Pure.
//!
//! Sign-ins are weighed by the network in which one person's addresses wander (IPv4: a /24), attacks by address.
//! Of IPv6 a customer has a /64 at least, and often more: evidence is weighed by /64, and by /56 and /48 too,
//! where four and eight times as much is needed. So whoever takes another /64 for every try is met as well.
//! What is banned is the narrowest network that holds all of the evidence.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::network::around;
use crate::{BanKind, Config};

/// Most networks of which evidence is kept; the stalest goes first.
const MOST_TALLIES: usize = 20_000;
/// Most lines of evidence that a ban shows.
const MOST_LINES: usize = 10;
/// The networks of IPv6 by which evidence is weighed, and how many times as much each needs.
const V6_LEVELS: [(u8, u64); 3] = [(64, 1), (56, 4), (48, 8)];

/// Something that was seen.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// From where.
    pub from: IpAddr,
    /// The whole network, if those in it are too many to be told apart: then nothing narrower is banned for it.
    pub among: Option<IpNet>,
    /// What.
    pub sign: Sign,
    /// How a person finds it again: the id of the request, the path that was asked for.
    pub line: String,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A sign-in failed.
    SignInFailed {
        /// Which name, as a keyed digest: people type passwords there.
        name: [u8; 32],
        /// Whether it was the failure that locked the account for that network.
        locks: bool,
    },
    /// Requests that looked like an attack were refused.
    Attack {
        /// How many.
        count: u64,
    },
    /// Requests were refused because there had been too many.
    Limited {
        /// How many.
        count: u64,
    },
    /// A decoy was touched, which nobody has reason to.
    Decoy,
}

/// That it is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The narrowest network that holds the evidence.
    pub network: IpNet,
    /// What it shall be kept from.
    pub kind: BanKind,
    /// Why, in words.
    pub reason: String,
    /// The last lines of the evidence.
    pub evidence: Vec<String>,
}

/// The kinds of evidence that are weighed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    Names,
    Lockouts,
    Attacks,
    Limited,
    Decoys,
}

/// One piece of evidence in a tally.
#[derive(Debug)]
struct Mark {
    at: i64,
    weight: u64,
    /// What counts once only, however often it is seen.
    name: Option<[u8; 32]>,
    from: IpAddr,
    line: String,
}

/// Evidence by network. Keeps a bounded amount of it.
#[derive(Debug)]
pub struct Watch {
    config: Config,
    tallies: HashMap<(IpNet, Rule), VecDeque<Mark>>,
}

impl Watch {
    /// A watch that has seen nothing.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            tallies: HashMap::new(),
        }
    }

    /// Adds what was seen at `now` (microseconds); whether that is enough now. Evidence that led to a verdict is
    /// not used twice.
    pub fn weigh(&mut self, evidence: &Evidence, now: i64) -> Option<Verdict> {
        let from = evidence.from.to_canonical();
        // Those who are too many to be told apart come from nowhere.
        if from.is_unspecified() {
            return None;
        }
        let marks: &[(Rule, u64, Option<[u8; 32]>)] = match &evidence.sign {
            Sign::SignInFailed { name, locks: false } => &[(Rule::Names, 1, Some(*name))],
            Sign::SignInFailed { name, locks: true } => {
                &[(Rule::Names, 1, Some(*name)), (Rule::Lockouts, 1, None)]
            }
            Sign::Attack { count } => &[(Rule::Attacks, *count, None)],
            Sign::Limited { count } => &[(Rule::Limited, *count, None)],
            Sign::Decoy => &[(Rule::Decoys, 1, None)],
        };
        let mut widest = None;
        for (rule, weight, name) in marks {
            let threshold = rule.threshold(&self.config);
            let is_wide_enough = |network: &IpNet| {
                evidence
                    .among
                    .is_none_or(|among| network.prefix_len() <= among.prefix_len())
            };
            let levels = rule.levels(from).into_iter();
            for (network, times) in levels.filter(|(network, _)| is_wide_enough(network)) {
                let mark = Mark {
                    at: now,
                    weight: *weight,
                    name: *name,
                    from,
                    line: evidence.line.clone(),
                };
                if threshold > 0 && self.count(network, *rule, mark) >= threshold.saturating_mul(times) {
                    widest = self.verdict(network, *rule).or(widest);
                }
            }
        }
        widest
    }

    /// Adds a mark; how much the tally weighs now.
    fn count(&mut self, network: IpNet, rule: Rule, mark: Mark) -> u64 {
        let since = mark.at - i64::from(self.config.within_s) * 1_000_000;
        if self.tallies.len() >= MOST_TALLIES && !self.tallies.contains_key(&(network, rule)) {
            self.make_room(since);
        }
        let tally = self.tallies.entry((network, rule)).or_default();
        tally.retain(|known| known.at > since && (known.name.is_none() || known.name != mark.name));
        tally.push_back(mark);
        tally.iter().map(|mark| mark.weight).sum()
    }

    fn verdict(&mut self, network: IpNet, rule: Rule) -> Option<Verdict> {
        let tally = self.tallies.remove(&(network, rule))?;
        let weight: u64 = tally.iter().map(|mark| mark.weight).sum();
        let first = tally.front()?.from;
        let is_alone = first.is_ipv4() && tally.iter().all(|mark| mark.from == first);
        let mut lines: Vec<String> = tally.into_iter().rev().map(|mark| mark.line).collect();
        lines.dedup();
        lines.truncate(MOST_LINES);
        let minutes = self.config.within_s.div_ceil(60);
        Some(Verdict {
            network: if is_alone { IpNet::from(first) } else { network },
            kind: rule.kind(),
            reason: rule.reason(weight, minutes),
            evidence: lines,
        })
    }

    fn make_room(&mut self, since: i64) {
        let latest = |tally: &VecDeque<Mark>| tally.back().map_or(i64::MIN, |mark| mark.at);
        self.tallies.retain(|_, tally| latest(tally) > since);
        if self.tallies.len() >= MOST_TALLIES {
            let stalest = self.tallies.iter().min_by_key(|(_, tally)| latest(tally));
            if let Some(stalest) = stalest.map(|(key, _)| *key) {
                self.tallies.remove(&stalest);
            }
        }
    }
}

impl Rule {
    const fn kind(self) -> BanKind {
        match self {
            Self::Names | Self::Lockouts => BanKind::SignIn,
            Self::Attacks | Self::Limited | Self::Decoys => BanKind::Attack,
        }
    }

    fn threshold(self, config: &Config) -> u64 {
        match self {
            Self::Names => config.names.into(),
            Self::Lockouts => config.lockouts.into(),
            Self::Attacks => config.inspections.into(),
            Self::Limited => config.limited.into(),
            Self::Decoys => config.decoys.into(),
        }
    }

    /// The networks around an address by which this is weighed, the narrowest first.
    fn levels(self, from: IpAddr) -> Vec<(IpNet, u64)> {
        match (from, self.kind()) {
            (IpAddr::V4(_), BanKind::SignIn) => vec![(around(from, 24), 1)],
            (IpAddr::V4(_), BanKind::Attack) => vec![(around(from, 32), 1)],
            (IpAddr::V6(_), _) => V6_LEVELS
                .map(|(bits, times)| (around(from, bits), times))
                .to_vec(),
        }
    }

    fn reason(self, weight: u64, minutes: u32) -> String {
        match self {
            Self::Names => format!("sign-in failed under {weight} names within {minutes} minutes"),
            Self::Lockouts => format!("{weight} lockouts within {minutes} minutes"),
            Self::Attacks => format!("{weight} requests that look like attacks within {minutes} minutes"),
            Self::Limited => format!("{weight} requests beyond the limits within {minutes} minutes"),
            Self::Decoys => "a decoy was touched".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn failed(from: &str, name: u8, locks: bool) -> Evidence {
        let sign = Sign::SignInFailed {
            name: [name; 32],
            locks,
        };
        seen(from, sign)
    }

    fn seen(from: &str, sign: Sign) -> Evidence {
        Evidence {
            from: from.parse().unwrap(),
            among: None,
            sign,
            line: format!("request from {from}"),
        }
    }

    fn watch() -> Watch {
        Watch::new(&Config::default())
    }

    #[test]
    fn several_names_from_one_address_ban_it_from_sign_in() {
        let mut watch = watch();
        for name in 1..4 {
            assert_eq!(watch.weigh(&failed("192.0.2.7", name, false), 0), None);
            assert_eq!(
                watch.weigh(&failed("192.0.2.7", name, false), 0),
                None,
                "one name is one name"
            );
        }
        let verdict = watch
            .weigh(&failed("::ffff:192.0.2.7", 4, false), MINUTE)
            .unwrap();
        assert_eq!(verdict.network.to_string(), "192.0.2.7/32");
        assert_eq!(verdict.kind, BanKind::SignIn);
        assert_eq!(verdict.reason, "sign-in failed under 4 names within 10 minutes");
        assert!(!verdict.evidence.is_empty());
        assert_eq!(
            watch.weigh(&failed("192.0.2.7", 5, false), MINUTE),
            None,
            "evidence is used once"
        );
    }

    #[test]
    fn a_crowd_in_one_network_bans_the_network_and_others_are_not_touched() {
        let mut watch = watch();
        for name in 1..4 {
            watch.weigh(&failed(&format!("192.0.2.{name}"), name, false), 0);
            assert_eq!(
                watch.weigh(&failed(&format!("192.0.{name}.9"), name, false), 0),
                None
            );
        }
        let verdict = watch.weigh(&failed("192.0.2.4", 9, false), 0).unwrap();
        assert_eq!(verdict.network.to_string(), "192.0.2.0/24");
    }

    #[test]
    fn a_first_lockout_is_only_a_lockout_and_a_second_within_ten_minutes_a_ban() {
        let mut watch = watch();
        assert_eq!(watch.weigh(&failed("192.0.2.7", 1, true), 0), None);
        assert_eq!(
            watch.weigh(&failed("192.0.2.7", 1, true), 10 * MINUTE),
            None,
            "too late"
        );
        let verdict = watch.weigh(&failed("192.0.2.7", 2, true), 11 * MINUTE).unwrap();
        assert_eq!(verdict.reason, "2 lockouts within 10 minutes");
    }

    #[test]
    fn a_decoy_bans_at_once_and_hits_and_floods_by_their_number() {
        let mut watch = watch();
        let verdict = watch.weigh(&seen("192.0.2.7", Sign::Decoy), 0).unwrap();
        assert_eq!(
            (verdict.network.to_string().as_str(), verdict.kind),
            ("192.0.2.7/32", BanKind::Attack)
        );
        assert_eq!(
            watch.weigh(&seen("192.0.2.8", Sign::Attack { count: 4 }), 0),
            None
        );
        assert!(
            watch
                .weigh(&seen("192.0.2.8", Sign::Attack { count: 1 }), 0)
                .is_some()
        );
        assert_eq!(
            watch.weigh(&seen("192.0.2.9", Sign::Limited { count: 1_999 }), 0),
            None
        );
        assert!(
            watch
                .weigh(&seen("192.0.2.9", Sign::Limited { count: 1 }), 0)
                .is_some()
        );
        assert_eq!(
            watch.weigh(&seen("::", Sign::Limited { count: 9_999 }), 0),
            None,
            "nobody in particular"
        );
    }

    #[test]
    fn evidence_of_a_whole_network_bans_nothing_narrower() {
        let mut watch = watch();
        let seen = |network: &str, count| Evidence {
            among: Some(network.parse().unwrap()),
            ..seen(network.split('/').next().unwrap(), Sign::Attack { count })
        };
        assert_eq!(watch.weigh(&seen("2001:db8:1::/48", 39), 0), None);
        let verdict = watch.weigh(&seen("2001:db8:1::/48", 1), 0).unwrap();
        assert_eq!(verdict.network.to_string(), "2001:db8:1::/48");
        assert_eq!(
            watch.weigh(&seen("192.0.2.0/24", 9_999), 0),
            None,
            "of IPv4 only addresses are banned for attacks"
        );
    }

    #[test]
    fn what_is_switched_off_never_bans() {
        let off = Config {
            names: 0,
            lockouts: 0,
            inspections: 0,
            limited: 0,
            decoys: false,
            ..Config::default()
        };
        let mut watch = Watch::new(&off);
        for name in 0..100 {
            assert_eq!(watch.weigh(&failed("192.0.2.7", name, true), 0), None);
        }
        assert_eq!(watch.weigh(&seen("192.0.2.7", Sign::Decoy), 0), None);
        assert!(watch.tallies.is_empty());
    }

    #[test]
    fn a_ban_widens_with_evidence_for_whoever_rotates_networks() {
        let mut watch = watch();
        let mut banned = Vec::new();
        for name in 0..64_u8 {
            // Another /64 for every try, and after a while another /56.
            let from = format!("2001:db8:1:{:x}{:02x}::1", name / 16, name % 16);
            banned.extend(
                watch
                    .weigh(&failed(&from, name, false), 0)
                    .map(|one| one.network.to_string()),
            );
        }
        assert_eq!(banned.first().map(String::as_str), Some("2001:db8:1::/56"));
        assert!(
            banned.iter().any(|network| network == "2001:db8:1::/48"),
            "{banned:?}"
        );
    }

    proptest! {
        #[test]
        fn a_verdict_covers_whoever_caused_it_and_little_is_kept(
            tries in proptest::collection::vec((0_u8..4, 0_u8..4, 0_u8..8, any::<bool>(), any::<bool>(), 0_i64..1_000), 0..200),
        ) {
            let mut watch = watch();
            let mut now = 0;
            for (a, b, name, is_v6, locks, passes) in tries {
                now += passes * 1_000_000;
                let from = if is_v6 { format!("2001:db8:{a}:{b}::1") } else { format!("10.0.{a}.{b}") };
                if let Some(verdict) = watch.weigh(&failed(&from, name, locks), now) {
                    prop_assert!(verdict.network.contains(&from.parse::<IpAddr>().unwrap()));
                    prop_assert!(verdict.evidence.len() <= MOST_LINES && !verdict.evidence.is_empty());
                }
                let kept: usize = watch.tallies.values().map(VecDeque::len).sum();
                prop_assert!(kept <= 1_000);
            }
        }
    }
}
