use proptest::prelude::*;
use time::OffsetDateTime;

use std::time::Duration;

use super::*;

const HERE: LimitKey<'static> = LimitKey::Name("here");

fn counters(keys: usize) -> (Limits, Clock) {
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    (Limits::new(keys, clock.clone()), clock)
}

/// What a log of every counted instant would say: how many lie within the last `span_ms`.
fn within(log: &[u64], now_ms: u64, span_ms: u64) -> usize {
    log.iter().filter(|at| now_ms - **at < span_ms).count()
}

proptest! {
    #[test]
    fn a_window_never_lets_more_through_and_never_refuses_much_longer_than_a_full_log_would(
        limits in proptest::collection::vec((1_u32..8, 1_u32..40), 1..3),
        steps in proptest::collection::vec((0_u64..9_000, 0_u8..8), 1..120),
    ) {
        let (counters, clock) = counters(1_024);
        let windows: Vec<_> = limits.iter().map(|(limit, per_s)| Window { limit: *limit, per_s: *per_s }).collect();
        let mut log: Vec<u64> = Vec::new();
        let mut now_ms = 0;
        for (wait_ms, turn) in steps {
            now_ms += wait_ms;
            clock.advance(Duration::from_millis(wait_ms));
            if turn == 0 {
                counters.give_back("story", HERE);
                log.pop();
                continue;
            }
            let verdict = counters.take("story", HERE, &windows).unwrap();
            let span = |window: &Window| u64::from(window.per_s) * 1_000;
            let is_full = |window: &Window| within(&log, now_ms, span(window)) >= window.limit as usize;
            let may_be_full = |window: &Window| within(&log, now_ms, span(window) * 16 / 15 + 16) >= window.limit as usize;
            if windows.iter().any(is_full) {
                prop_assert!(verdict.is_limited);
            }
            if verdict.is_limited {
                prop_assert!(windows.iter().any(may_be_full));
            } else {
                log.push(now_ms);
            }
        }
    }

    #[test]
    fn whoever_waits_as_long_as_told_gets_through(limit in 1_u32..6, per_s in 1_u32..100, pauses in proptest::collection::vec(0_u64..20_000, 1..40)) {
        let (counters, clock) = counters(1_024);
        let windows = [Window { limit, per_s }];
        for pause in pauses {
            clock.advance(Duration::from_millis(pause));
            let verdict = counters.take("story", HERE, &windows).unwrap();
            if verdict.is_limited {
                clock.advance(Duration::from_secs(u64::from(verdict.reset_s)));
                prop_assert!(!counters.take("story", HERE, &windows).unwrap().is_limited);
            }
        }
    }
}

#[test]
fn five_a_minute_and_twenty_an_hour_hold_together() {
    let (counters, clock) = counters(1_024);
    let windows = [Window::per_minute(5), Window::per_hour(20)];
    let mut let_in = 0;
    for _ in 0..60 {
        for _ in 0..10 {
            let_in += u32::from(!counters.take("sign-in", HERE, &windows).unwrap().is_limited);
        }
        clock.advance(Duration::from_secs(50));
    }
    assert_eq!(let_in, 20);
    let verdict = counters.take("sign-in", HERE, &windows).unwrap();
    assert_eq!((verdict.window.per_s, verdict.remaining), (3_600, 0));
}

#[test]
fn a_success_gives_its_attempt_back() {
    let (counters, _clock) = counters(1_024);
    let windows = [Window::per_minute(2)];
    for _ in 0..10 {
        assert!(!counters.take("sign-in", HERE, &windows).unwrap().is_limited);
        counters.give_back("sign-in", HERE);
    }
}

#[test]
fn classes_accounts_and_addresses_do_not_eat_into_each_other() {
    let (counters, _clock) = counters(1_024);
    let windows = [Window::per_minute(1)];
    let home = "192.0.2.1".parse().unwrap();
    let away = "198.51.100.1".parse().unwrap();
    let keys = [
        ("static", LimitKey::Address(home)),
        ("sign-in", LimitKey::Address(home)),
        ("sign-in", LimitKey::Address(away)),
        ("sign-in", LimitKey::Name("alice")),
        ("sign-in", LimitKey::Name("bob")),
        ("sign-in", LimitKey::Id(Uuid::from_u128(1))),
    ];
    for (class, key) in keys {
        assert!(
            !counters.take(class, key, &windows).unwrap().is_limited,
            "{class} {key:?}"
        );
        assert!(
            counters.take(class, key, &windows).unwrap().is_limited,
            "{class} {key:?}"
        );
    }
}

#[test]
fn ipv6_is_counted_by_customer_and_mapped_addresses_are_folded() {
    let (counters, _clock) = counters(1_024);
    let windows = [Window::per_minute(1)];
    let take = |text: &str| {
        counters
            .take("anonymous", LimitKey::Address(text.parse().unwrap()), &windows)
            .unwrap()
    };
    assert!(!take("2001:db8:1:2::1").is_limited);
    assert!(take("2001:db8:1:2:ffff::9").is_limited);
    assert!(!take("2001:db8:1:3::1").is_limited);
    assert!(!take("192.0.2.1").is_limited);
    assert!(take("::ffff:192.0.2.1").is_limited);
}

#[test]
fn a_flood_of_addresses_costs_bounded_memory_and_a_busy_key_is_not_forgotten() {
    let (counters, _clock) = counters(2_048);
    let windows = [Window::per_minute(1)];
    counters.take("anonymous", HERE, &windows).unwrap();
    for number in 0..100_000_u32 {
        let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
        counters
            .take("anonymous", LimitKey::Address(address), &windows)
            .unwrap();
        assert!(
            counters.take("anonymous", HERE, &windows).unwrap().is_limited,
            "forgotten after {number}"
        );
    }
    assert!(counters.len() <= 2_048 + SHARDS, "{}", counters.len());
}

#[test]
fn no_windows_mean_no_limit() {
    let (counters, _clock) = counters(1_024);
    assert_eq!(counters.take("anonymous", HERE, &[]), None);
}
