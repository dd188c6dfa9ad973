//! What somebody known may ask, and what that says of them.

use std::time::Duration;

use http::{Method, Request};
use uuid::Uuid;
use watchroom_shield::{Config, Known, LimitsConfig, Passed, Peer, Shield, ShieldEvent, Why, Window};

use super::room::shield;

const VERA: Known = Known {
    user: Uuid::from_u128(1),
    per_minute: 100,
    token: None,
};
const OLGA: Known = Known {
    user: Uuid::from_u128(2),
    per_minute: 500,
    token: None,
};

fn passed(shield: &Shield, path: &str) -> Passed {
    let request = Request::builder().method(Method::GET).uri(path);
    let request = request.header("host", "panel.example").body(()).unwrap();
    let peer = Peer::tls("198.51.100.7:4711".parse().unwrap(), false);
    shield.pass(&mut request.into_parts().0, &peer).unwrap()
}

/// How many requests in a row are answered, and by which limit the next one is refused.
async fn answered(shield: &Shield, path: &str, known: Known) -> (u32, &'static str) {
    for count in 0..=2_000 {
        match shield
            .take_known(&passed(shield, path), known)
            .await
            .map_err(|refused| refused.why)
        {
            Ok(()) => {}
            Err(Why::Limited(verdict)) => return (count, verdict.class),
            Err(other) => panic!("{other:?}"),
        }
    }
    (u32::MAX, "none")
}

fn limits(limits: LimitsConfig) -> Config {
    Config {
        limits,
        ..Config::default()
    }
}

#[tokio::test]
async fn everybody_has_the_rate_of_their_role_and_what_their_address_was_counted_is_given_back() {
    let (shield, clock) = shield(Config::default());
    assert_eq!(answered(&shield, "/", VERA).await, (100, "user"));
    assert_eq!(answered(&shield, "/", OLGA).await, (500, "user"));
    clock.advance(Duration::from_secs(120));
    assert_eq!(answered(&shield, "/", VERA).await, (100, "user"));
}

#[tokio::test]
async fn sensitive_requests_are_counted_for_each_person() {
    let (shield, clock) = shield(Config::default());
    assert_eq!(answered(&shield, "/sensitive", VERA).await, (10, "sensitive"));
    assert_eq!(answered(&shield, "/sensitive", OLGA).await, (10, "sensitive"));
    assert!(
        shield.take_known(&passed(&shield, "/"), VERA).await.is_ok(),
        "the rest is open"
    );
    clock.advance(Duration::from_secs(120));
    assert_eq!(answered(&shield, "/sensitive", VERA).await, (10, "sensitive"));
}

#[tokio::test]
async fn a_route_may_have_a_limit_of_its_own_which_the_configuration_changes() {
    let usual = shield(Config::default()).0;
    assert_eq!(answered(&usual, "/list", OLGA).await, (100, "list"));
    assert_eq!(
        answered(&usual, "/", OLGA).await,
        (399, "user"),
        "refused lists count for the person"
    );
    let with = |windows| LimitsConfig {
        routes: [("list".to_owned(), windows)].into(),
        ..LimitsConfig::default()
    };
    let narrower = shield(limits(with(vec![Window::per_minute(3), Window::per_hour(5)]))).0;
    assert_eq!(answered(&narrower, "/list", OLGA).await, (3, "list"));
    let none = shield(limits(with(Vec::new()))).0;
    assert_eq!(answered(&none, "/list", OLGA).await, (500, "user"));
}

#[tokio::test]
async fn a_token_that_runs_away_leaves_its_owner_something() {
    let (shield, _) = shield(limits(LimitsConfig {
        token: vec![Window::per_minute(20)],
        ..LimitsConfig::default()
    }));
    let by = |token| Known {
        token: Some(Uuid::from_u128(token)),
        ..VERA
    };
    assert_eq!(answered(&shield, "/", by(1)).await, (20, "token"));
    assert_eq!(answered(&shield, "/", by(2)).await, (20, "token"));
    assert!(shield.take_known(&passed(&shield, "/"), VERA).await.is_ok());
}

#[tokio::test]
async fn hours_and_days_are_counted_where_they_are_set() {
    let (shield, clock) = shield(limits(LimitsConfig {
        person: vec![Window::per_hour(150)],
        ..LimitsConfig::default()
    }));
    assert_eq!(answered(&shield, "/", VERA).await, (100, "user"));
    clock.advance(Duration::from_secs(120));
    assert_eq!(answered(&shield, "/", VERA).await.0, 50);
    clock.advance(Duration::from_secs(120));
    assert_eq!(answered(&shield, "/", VERA).await.0, 0);
}

#[tokio::test]
async fn who_asks_too_much_is_told_of_and_nothing_is_held_against_their_address() {
    let (shield, _) = shield(Config::default());
    let mut events = shield.events();
    answered(&shield, "/", VERA).await;
    let counted: Vec<_> = shield.refusals().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("rate-limited", 1)]);
    let ShieldEvent::Refused(event) = events.try_recv().unwrap() else {
        panic!("another event");
    };
    assert_eq!((event.why, event.is_own_doing), ("rate-limited", false));
}
