//! How often somebody known may ask, by the role they have.

use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_testkit::{Answer, TestRoom, Visitor, program};

/// What a viewer may ask in a minute.
const VIEWERS: usize = 100;
/// How often anybody may ask for the list of nodes in a minute.
const LISTS_OF_NODES: usize = 100;

/// Asks so many times, and gives the last answer.
async fn asked(visitor: &Visitor, times: usize) -> Answer {
    for _ in 1..times {
        assert_eq!(visitor.get("/api/servers").await.status, 200);
    }
    visitor.get("/api/servers").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_asks_a_hundred_times_a_minute_and_an_operator_more_often() {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let room = TestRoom::with(program!(), ambient, |_| {}).await;
    let vera = room.viewer("vera").await;
    let olga = room.operator("olga").await;
    let last = asked(&vera, VIEWERS).await;
    assert_eq!(last.status, 200, "{}", last.text());
    assert_eq!(last.header("ratelimit-policy"), "\"user-60\";q=100;w=60");
    assert!(
        last.header("ratelimit").starts_with("\"user-60\";r=0;t="),
        "{last:?}"
    );

    let refused = vera.get("/api/servers").await;
    refused.problem(429, "rate-limited");
    refused.assert_dressed();
    assert_eq!(refused.header("ratelimit-policy"), "\"user-60\";q=100;w=60");
    assert!(
        refused.header("ratelimit").starts_with("\"user-60\";r=0;t="),
        "{refused:?}"
    );
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=64).contains(&wait), "{wait}");

    let beyond = asked(&olga, VIEWERS + 1).await;
    assert_eq!(beyond.status, 200, "{}", beyond.text());
    assert_eq!(beyond.header("ratelimit-policy"), "\"user-60\";q=500;w=60");

    clock.advance(std::time::Duration::from_secs(wait));
    assert_eq!(vera.get("/api/servers").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_nodes_has_a_limit_of_its_own_and_security_shows_it() {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock,
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let room = TestRoom::with(program!(), ambient, |_| {}).await;
    let ada = room.signed_in("ada", "admin").await;
    for _ in 0..LISTS_OF_NODES {
        assert_eq!(ada.get("/api/nodes").await.status, 200);
    }
    let refused = ada.get("/api/nodes").await;
    refused.problem(429, "rate-limited");
    assert!(
        refused
            .header("ratelimit-policy")
            .contains("\"nodes-60\";q=100;w=60"),
        "{refused:?}"
    );
    assert_eq!(ada.get("/api/servers").await.status, 200);
    let page = ada.look("/security").await.text();
    assert!(page.contains("routes.nodes"), "{page}");
    room.close().await;
}
