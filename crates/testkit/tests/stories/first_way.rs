//! The way by which the first administrator comes: always open to set-up, and open to the rest if they say so.

use serde_json::json;
use watchroom_kit::{Ambient, ExposeSecret};
use watchroom_testkit::{Answer, PASSWORD, TestRoom, Visitor, program};

/// Where somebody sits who rents a machine far away.
const HOME: &str = "203.0.113.9";

/// A machine behind an address that is not its own, which knows itself by another name and lets private networks administer.
async fn rented() -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), |config| {
        super::bans::proxied(config);
        config.shield.hosts = vec!["panel.example".to_owned()];
    })
    .await
}

/// Sets up from home, and ticks these.
async fn set_up(room: &TestRoom, alice: &mut Visitor, ticks: &[&str]) -> Answer {
    let code = room
        .host
        .identity
        .setup_code()
        .await
        .expect("a database")
        .expect("nobody yet");
    let token = alice.form_token("/setup").await;
    let mut fields = vec![
        ("csrf_token", token.as_str()),
        ("code", code.code.expose_secret()),
        ("username", "alice"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
        // Whatever a form says, it is the way of the request that is opened.
        ("host", "evil.example"),
        ("network", "0.0.0.0/0"),
    ];
    fields.extend(ticks.iter().map(|tick| (*tick, "true")));
    let answer = alice.submit("/setup", &fields).await;
    alice.take_cookies(&answer);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn set_up_is_reached_by_any_name_and_opens_the_way_that_was_ticked_for_good() {
    let room = rented().await;
    let mut alice = room.stranger().coming_from(HOME);
    alice.get("/login").await.problem(421, "wrong-host");
    let page = alice.look("/setup").await;
    assert_eq!(page.status, 200, "{}", page.text());
    for offered in [
        "localhost",
        "203.0.113.9/32",
        "name=\"allow_host\" value=\"true\" checked",
    ] {
        assert!(page.text().contains(offered), "{offered}: {}", page.text());
    }
    let done = set_up(&room, &mut alice, &["allow_host", "allow_network"]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert_eq!(alice.look("/").await.status, 200);
    let me = alice.get("/api/auth/me").await.json();
    alice.set_csrf(me["csrf_token"].as_str());
    let vera = json!({ "name": "vera", "role": "viewer", "password": PASSWORD });
    let made = alice.post("/api/users", vera.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    // Nobody else's way was opened.
    let neighbour = room.stranger().coming_from("203.0.113.10");
    neighbour
        .post("/api/users", vera)
        .await
        .problem(403, "network-not-allowed");
    let entry = alice.get("/api/audit?action=host.set_up").await.json();
    let extra = &entry["items"][0]["extra"];
    assert_eq!(
        (&extra["allowed_host"], &extra["allowed_network"]),
        (&json!("localhost"), &json!("203.0.113.9/32")),
        "{entry}"
    );
    let kept = std::fs::read_to_string(room.state().join("allowed.json")).expect("a file");
    assert!(
        kept.contains("localhost") && kept.contains("203.0.113.9/32") && !kept.contains("evil"),
        "{kept}"
    );
    // Set-up is over: whoever comes by another name finds nothing there.
    let over = alice.look("/setup").await;
    assert_eq!((over.status, over.header("location")), (303, "/login"));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_ticked_stays_closed_and_a_wrong_code_opens_nothing() {
    let room = rented().await;
    let mut thief = room.stranger().coming_from(HOME);
    let token = thief.form_token("/setup").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("code", "guessed"),
        ("username", "thief"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
        ("allow_host", "true"),
        ("allow_network", "true"),
    ];
    let refused = thief.submit("/setup", &fields).await;
    assert!([400, 401, 403].contains(&refused.status), "{}", refused.text());
    let ticks = |page: &Answer| page.text().matches("value=\"true\" checked").count();
    assert_eq!(ticks(&refused), 2, "what was ticked is kept: {}", refused.text());
    assert!(!room.state().join("allowed.json").exists());
    thief.get("/login").await.problem(421, "wrong-host");

    let mut alice = room.stranger().coming_from(HOME);
    let done = set_up(&room, &mut alice, &[]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    alice.get("/api/servers").await.problem(421, "wrong-host");
    assert!(!room.state().join("allowed.json").exists());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_by_an_open_way_is_offered_nothing() {
    let room = TestRoom::open(program!()).await;
    let page = room.stranger().look("/setup").await.text();
    assert!(
        page.contains("name=\"code\"") && !page.contains("allow_"),
        "{page}"
    );
    room.close().await;
}
