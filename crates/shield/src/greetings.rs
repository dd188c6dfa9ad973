//! At what pace hands are shaken with one address: a TLS handshake costs this machine more than anything else that a
//! stranger may have for the asking.
//!
//! An address that was quiet may shake hands many times at once; afterwards its handshakes take turns, and whoever would wait
//! for longer than a handshake may last is closed unheard. So a crowd behind one address comes in a little later, and
//! whoever opens connection after connection slows down nobody but themselves. Trusted proxies speak for many and have no pace.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Config;
use crate::address::{counted, site};

/// How many times the pace of one address a whole site of IPv6 has: whoever has one can come from as many addresses as they like.
const ADDRESSES_OF_SITE: u32 = 4;

/// Links of one address at once, and in a second after that: a whole fleet may stand behind one, and come back at once.
const LINKS: Pace = Pace {
    at_once: 8_192,
    per_s: 100,
};

/// How many turns a link takes until the other end has shown a certificate of ours, and then gets back all but one: anybody can
/// say that they want a link.
const OF_STRANGER: u32 = 32;

/// What hands are shaken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// HTTP of any kind.
    Http,
    /// Something that takes the connection over.
    HandOff,
}

/// The turns of all addresses that were here lately.
#[derive(Debug, Default)]
pub(crate) struct Greetings(Mutex<HashMap<(IpAddr, Purpose), Instant>>);

/// So many at once, and so many in each second after that.
#[derive(Clone, Copy, Debug)]
struct Pace {
    at_once: u32,
    per_s: u32,
}

impl Greetings {
    /// How long a connection from `address` waits for its turn; `None` if that is longer than `patience`, which takes no turn.
    pub(crate) fn turn(
        &self,
        address: IpAddr,
        purpose: Purpose,
        patience: Duration,
        now: Instant,
        config: &Config,
    ) -> Option<Duration> {
        if config
            .trusted_proxies
            .iter()
            .any(|network| network.contains(address))
        {
            return Some(Duration::ZERO);
        }
        let (pace, turns_taken) = match purpose {
            Purpose::Http => {
                let pace = Pace {
                    at_once: config.handshakes_at_once,
                    per_s: config.handshakes_per_s,
                };
                (pace, 1)
            }
            Purpose::HandOff => (LINKS, OF_STRANGER),
        };
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |of: IpAddr, pace| {
            let key = (of, purpose);
            (key, Turn::take(turns.get(&key).copied(), pace, turns_taken, now))
        };
        let (own, own_turn) = take(counted(address), pace);
        let shared = site(address).map(|site| take(site, pace.of_site()));
        let mut wait = shared.map_or(own_turn.wait, |(_, turn)| turn.wait.max(own_turn.wait));
        if !wait.is_zero() {
            wait += pace.phase(turns.hasher().hash_one(own.0));
        }
        if wait > patience {
            return None;
        }
        turns.insert(own, own_turn.spent_until);
        if let Some((site, turn)) = shared {
            turns.insert(site, turn.spent_until);
        }
        Some(wait)
    }

    /// Whoever wanted a link from `address` has shown a certificate of ours.
    pub(crate) fn proven(&self, address: IpAddr) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut give_back = |of: IpAddr, pace: Pace| {
            if let Some(spent_until) = turns.get_mut(&(of, Purpose::HandOff)) {
                *spent_until -= pace.each().saturating_mul(OF_STRANGER - 1);
            }
        };
        give_back(counted(address), LINKS);
        if let Some(site) = site(address) {
            give_back(site, LINKS.of_site());
        }
    }

    /// Forgets who has been quiet for long enough.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, spent_until| *spent_until > now);
        let room = turns.len().saturating_mul(2);
        turns.shrink_to(room);
    }
}

impl Pace {
    fn each(self) -> Duration {
        Duration::from_secs(1) / self.per_s.max(1)
    }

    /// When within the time between two turns those of an address are. Many that began together would else go on together, and
    /// all others would wait until a hand was shaken with each of them.
    fn phase(self, hash: u64) -> Duration {
        const PHASES: u32 = 1_024;
        let phase = u32::try_from(hash % u64::from(PHASES)).unwrap_or(0);
        self.each() * phase / PHASES
    }

    fn of_site(self) -> Self {
        Self {
            at_once: self.at_once.saturating_mul(ADDRESSES_OF_SITE),
            per_s: self.per_s.saturating_mul(ADDRESSES_OF_SITE),
        }
    }
}

/// One more handshake of somebody: when it may be, and until when all that they had saved up is spent after it.
#[derive(Clone, Copy, Debug)]
struct Turn {
    wait: Duration,
    spent_until: Instant,
}

impl Turn {
    /// The generic cell rate algorithm (ITU-T I.371): one instant for each address is all there is to keep.
    fn take(spent_until: Option<Instant>, pace: Pace, turns: u32, now: Instant) -> Self {
        let each = pace.each();
        let saved_up = each.saturating_mul(pace.at_once.saturating_sub(1));
        let before = spent_until.unwrap_or(now).max(now);
        Self {
            wait: before.duration_since(now).saturating_sub(saved_up),
            spent_until: before + each.saturating_mul(turns),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn config(at_once: u32, per_s: u32) -> Config {
        Config {
            handshakes_at_once: at_once,
            handshakes_per_s: per_s,
            trusted_proxies: vec!["192.0.2.9".parse().unwrap()],
            ..Config::default()
        }
    }

    fn ask(greetings: &Greetings, address: &str, now: Instant) -> Option<Duration> {
        greetings.turn(
            address.parse().unwrap(),
            Purpose::Http,
            PATIENCE,
            now,
            &config(3, 1),
        )
    }

    #[test]
    fn a_crowd_behind_one_address_takes_turns_and_others_do_not_wait_for_it() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        let waits: Vec<_> = (0..6).map(|_| ask(&greetings, "192.0.2.1", now)).collect();
        let first = waits[3].unwrap();
        let second = Duration::from_secs(1);
        assert!((second..second * 2).contains(&first), "{first:?}");
        let at_once = Some(Duration::ZERO);
        assert_eq!(waits[..5], [at_once, at_once, at_once, Some(first), waits[4]]);
        // The fifth may just be in time, by the phase of its address.
        assert!(waits[4].is_none_or(|wait| wait == first + second && wait <= PATIENCE));
        assert_eq!(waits[5], None);
        assert_eq!(ask(&greetings, "::ffff:192.0.2.1", now), None, "the same one");
        assert_eq!(ask(&greetings, "192.0.2.2", now), at_once);
        // Who was closed took no turn from whoever comes two seconds later.
        assert!(ask(&greetings, "192.0.2.1", now + second * 2).is_some());
    }

    #[test]
    fn addresses_that_came_together_do_not_go_on_together() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        let wait_of = |address: &str| (0..4).map(|_| ask(&greetings, address, now)).last().flatten();
        let waits: Vec<_> = (1..=32)
            .filter_map(|host| wait_of(&format!("192.0.2.{}", 64 + host)))
            .collect();
        let second = Duration::from_secs(1);
        let early = waits.iter().filter(|wait| **wait < second * 3 / 2).count();
        assert_eq!(waits.len(), 32);
        assert!((1..32).contains(&early), "{waits:?}");
    }

    #[test]
    fn links_have_a_pace_of_their_own_and_trusted_proxies_none() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        while ask(&greetings, "192.0.2.1", now).is_some() {}
        let link = |address: &str| {
            greetings.turn(
                address.parse().unwrap(),
                Purpose::HandOff,
                PATIENCE,
                now,
                &config(3, 1),
            )
        };
        assert_eq!(link("192.0.2.1"), Some(Duration::ZERO));
        for _ in 0..100 {
            assert_eq!(ask(&greetings, "192.0.2.9", now), Some(Duration::ZERO));
        }
    }

    #[test]
    fn whoever_only_says_that_they_want_a_link_is_no_node() {
        let now = Instant::now();
        let at_once = |is_proven: bool| {
            let greetings = Greetings::default();
            let turn = || {
                let address = "192.0.2.1".parse().unwrap();
                let wait = greetings.turn(address, Purpose::HandOff, PATIENCE, now, &config(3, 1));
                if is_proven {
                    greetings.proven(address);
                }
                wait == Some(Duration::ZERO)
            };
            (0..5_000).filter(|_| turn()).count()
        };
        assert_eq!(at_once(false), 256);
        assert_eq!(at_once(true), 5_000, "a fleet comes back at once");
    }

    #[test]
    fn a_site_of_ipv6_has_the_pace_of_four_addresses() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        let at_once = (0..64)
            .map(|network| ask(&greetings, &format!("2001:db8:a:{network:x}::1"), now))
            .filter(|wait| *wait == Some(Duration::ZERO))
            .count();
        assert_eq!(at_once, 12);
        assert_eq!(
            ask(&greetings, "2001:db8:b::1", now),
            Some(Duration::ZERO),
            "another site"
        );
    }

    #[test]
    fn who_has_been_quiet_is_forgotten_and_who_has_not_is_not() {
        let (greetings, now) = (Greetings::default(), Instant::now());
        for _ in 0..3 {
            ask(&greetings, "192.0.2.1", now);
        }
        ask(&greetings, "192.0.2.2", now);
        greetings.sweep(now + Duration::from_secs(2));
        assert_eq!(greetings.0.lock().unwrap().len(), 1);
        greetings.sweep(now + Duration::from_secs(3));
        assert!(greetings.0.lock().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn however_they_come_no_more_get_in_than_the_pace_allows(
            at_once in 1_u32..20,
            per_s in 1_u32..50,
            gaps in prop::collection::vec(0_u64..400, 1..200),
        ) {
            let (greetings, begin, config) = (Greetings::default(), Instant::now(), config(at_once, per_s));
            let mut now = begin;
            let mut last = begin;
            let mut admitted = 0_u32;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Some(wait) = greetings.turn("192.0.2.1".parse().unwrap(), Purpose::Http, PATIENCE, now, &config) {
                    prop_assert!(wait <= PATIENCE);
                    admitted += 1;
                    last = last.max(now + wait);
                }
            }
            // A nanosecond is lost to rounding for each.
            let time = (last - begin).as_secs_f64() + 1e-6;
            prop_assert!(f64::from(admitted) <= f64::from(at_once) + time * f64::from(per_s) + 1e-3);
        }
    }
}
