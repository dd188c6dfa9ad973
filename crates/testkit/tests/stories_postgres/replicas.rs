//! Two whole Hosts on one database: what is done on one is so on the other.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use watchroom_testkit::{Heard, PASSWORD, TestRoom, Visitor, program};

use crate::stories::bans::proxied;
use crate::stories::node_bans;

/// How long the other Host may take on a busy machine; it is asked all the while.
const SOON: Duration = Duration::from_secs(20);

async fn two() -> (TestRoom, TestRoom) {
    let first = TestRoom::open(program!()).await;
    let second = first.replica(program!()).await;
    (first, second)
}

/// Asks for a path until it is answered like this.
async fn until_status(visitor: &Visitor, path: &str, status: u16) {
    let deadline = Instant::now() + SOON;
    loop {
        let answer = visitor.get(path).await;
        if answer.status == status {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{path} is still {}, not {status}",
            answer.status
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_listed(visitor: &Visitor, path: &str, name: &str, is_listed: bool) {
    let deadline = Instant::now() + SOON;
    loop {
        let list = visitor.get(path).await.json();
        let items = list["items"].as_array().expect("items");
        if items.iter().any(|item| item["name"] == name) == is_listed {
            return;
        }
        assert!(Instant::now() < deadline, "{name} in {path}: {list}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn close(first: TestRoom, second: TestRoom) {
    second.close().await;
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_on_one_host_is_known_on_the_other_until_signing_out_on_either() {
    let (first, second) = two().await;
    let vera = first.signed_in("vera", "viewer").await;
    let mut elsewhere = second.stranger();
    elsewhere.share_cookies(&vera);
    until_status(&elsewhere, "/api/auth/me", 200).await;
    assert_eq!(vera.get("/api/auth/me").await.status, 200);

    assert_eq!(vera.submit("/logout", &[]).await.status, 303);
    assert_eq!(vera.get("/api/auth/me").await.status, 401);
    until_status(&elsewhere, "/api/auth/me", 401).await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_on_one_host_ends_with_a_sign_out_on_the_other_and_a_ticket_is_good_where_it_was_given() {
    let (first, second) = two().await;
    let vera = first.signed_in("vera", "viewer").await;
    let mut elsewhere = second.stranger();
    elsewhere.share_cookies(&vera);
    until_status(&elsewhere, "/api/auth/me", 200).await;
    let ticket = vera.post("/api/ws/ticket", json!({})).await.json();
    let path = format!("/api/ws?ticket={}", ticket["ticket"].as_str().expect("a ticket"));
    let mut there = second.stranger().socket(&path, &[]).await.expect("a socket");
    assert_eq!(there.hear().await, Heard::Closed(1008, "refused".to_owned()));
    let mut here = first.stranger().socket(&path, &[]).await.expect("a socket");
    assert_eq!(here.message().await["event"], "hello");

    let mut socket = elsewhere.page_socket().await;
    assert_eq!(socket.message().await["event"], "hello");
    assert_eq!(vera.submit("/logout", &[]).await.status, 303);
    for one in [&mut socket, &mut here] {
        let (heard, end) = one.until_closed().await;
        assert_eq!(heard.last().expect("a word")["event"], "ended");
        assert_eq!(end, Heard::Closed(1008, "session ended".to_owned()));
    }
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_and_a_disabled_account_are_refused_on_the_other_host() {
    let (first, second) = two().await;
    let ada = first.admin("ada").await;
    let vera = first.account("vera", "viewer").await;
    let token = first.token(vera, false).await;
    let elsewhere = Visitor::with_token(second.client(), &token);
    until_status(&elsewhere, "/api/nodes", 200).await;
    let tokens = ada.get(&format!("/api/tokens?user={vera}")).await.json();
    let of_vera = |token: &&Value| token["owner"] == json!(vera);
    let items = tokens["items"].as_array().expect("items");
    let id = items.iter().find(of_vera).expect("a token")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(ada.delete(&format!("/api/tokens/{id}")).await.status, 204);
    until_status(&elsewhere, "/api/nodes", 401).await;

    let another = Visitor::with_token(second.client(), &first.token(vera, false).await);
    until_status(&another, "/api/nodes", 200).await;
    let disabled = ada.post(&format!("/api/users/{vera}/disable"), json!({})).await;
    assert!(disabled.status < 300, "{}", disabled.text());
    until_status(&another, "/api/nodes", 401).await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_on_one_host_is_listed_on_the_other() {
    let (first, second) = two().await;
    let olga = first.operator("olga").await;
    let elsewhere = second.operator("otto").await;
    until_listed(&olga, "/api/nodes", "replica", true).await;
    let id = first.server(&olga, "web", "exec sleep 600").await;
    until_listed(&elsewhere, "/api/servers", "web", true).await;
    let (here, there) = (&first.host.fleet, &second.host.fleet);
    let own = |fleet: &watchroom_fleet::Fleet| fleet.local_node().expect("a node").id();
    assert_ne!(own(here), own(there), "each Host has its own node");
    assert!(olga.delete(&format!("/api/servers/{id}")).await.status < 300);
    until_listed(&elsewhere, "/api/servers", "web", false).await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_host_verifies_the_chains_of_both() {
    let (first, second) = two().await;
    let ada = first.admin("ada").await;
    let otto = second.admin("otto").await;
    first.server(&ada, "here", "true").await;
    second.server(&otto, "there", "true").await;
    for visitor in [&ada, &otto] {
        let verdict = visitor.post("/api/audit/verify", json!({})).await.json();
        assert_eq!(verdict["intact"], true, "{verdict}");
        let made = visitor.get("/api/audit?action=server.create").await.json();
        let made = made["items"].as_array().expect("items").len();
        assert!(made >= 2, "both are in the log: {made}");
    }
    let seen = first.stranger().try_sign_in("otto", PASSWORD).await;
    assert_eq!(seen.status, 303, "an account is one account everywhere");
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_made_on_one_host_holds_on_the_other_until_lifted_on_either() {
    let first = TestRoom::with(program!(), watchroom_kit::Ambient::system(), proxied).await;
    let second = first.replica_with(program!(), proxied).await;
    let ada = first.admin("ada").await.coming_from("10.9.8.7");
    let far = |room: &TestRoom| room.stranger().coming_from("198.51.100.7");
    let (here, there) = (far(&first), far(&second));
    until_status(&there, "/login", 200).await;
    let new = json!({ "network": "198.51.100.0/24", "reason": "tries passwords" });
    let ban = ada.post("/api/security/bans", new).await.json();
    let made = Instant::now();
    assert_eq!(here.get("/login").await.status, 403, "at once where it was made");
    until_status(&there, "/login", 403).await;
    println!("the ban held on the other Host within {:.0?}", made.elapsed());
    let otto = second.admin("otto").await.coming_from("10.9.8.7");
    let path = format!("/api/security/bans/{}", ban["id"].as_str().expect("an id"));
    assert_eq!(otto.delete(&path).await.status, 204);
    assert_eq!(there.get("/login").await.status, 200);
    until_status(&here, "/login", 200).await;
    // What one Host bans by evidence holds on the other too.
    assert_eq!(there.get("/.env").await.status, 404);
    until_status(&there, "/login", 403).await;
    until_status(&here, "/login", 403).await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_on_two_hosts_are_counted_together_and_a_lock_holds_on_both_until_lifted_on_either() {
    let change = |config: &mut watchroom::config::Config| {
        proxied(config);
        config.bans.names = 0;
        config.bans.lockouts = 0;
    };
    let first = TestRoom::with(program!(), watchroom_kit::Ambient::system(), change).await;
    let second = first.replica_with(program!(), change).await;
    let mut vera = first.signed_in("vera", "viewer").await;
    let otto = second.admin("otto").await.coming_from("10.9.8.7");
    let mut answers = Vec::new();
    for n in 0..12_u8 {
        let host = if n % 2 == 0 { &first } else { &second };
        let mut thief = host.stranger().coming_from(&format!("198.51.{n}.9"));
        answers.push(thief.try_sign_in("vera", "Guess 12345!").await.status);
    }
    assert_eq!(answers, [[401; 10].as_slice(), &[423, 423]].concat());
    assert_eq!(vera.submit("/logout", &[]).await.status, 303);
    vera.set_csrf(None);
    let mut elsewhere = second.stranger();
    elsewhere.share_cookies(&vera);
    until_status(&elsewhere, "/api/auth/me", 401).await;
    let known = elsewhere.try_sign_in("vera", PASSWORD).await;
    assert_eq!(
        known.status,
        303,
        "a browser is known on every Host: {}",
        known.text()
    );
    let listed = otto.get("/api/lockouts").await.json();
    let path = format!(
        "/api/lockouts/{}",
        listed["items"][0]["id"].as_str().expect("an id")
    );
    assert_eq!(otto.delete(&path).await.status, 204);
    let deadline = Instant::now() + SOON;
    loop {
        let mut stranger = first.stranger().coming_from("203.0.113.9");
        if stranger.try_sign_in("vera", PASSWORD).await.status == 303 {
            break;
        }
        assert!(Instant::now() < deadline, "still locked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(vera.try_sign_in("vera", PASSWORD).await.status, 303);
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_made_on_one_host_is_told_to_the_nodes_of_the_other() {
    let (first, second) = two().await;
    let ada = first.admin("ada").await;
    let (machine, page) = node_bans::started(node_bans::joined(&ada).await, &ada).await;
    let elsewhere = second.admin("eve").await;
    let id = node_bans::ban(
        &elsewhere,
        json!({ "network": node_bans::FAR, "reason": "tries passwords" }),
    )
    .await;
    let made = Instant::now();
    page.until(node_bans::FAR, 403).await;
    println!(
        "a node of the other Host knew of the ban within {:.0?}",
        made.elapsed()
    );
    assert_eq!(
        elsewhere.delete(&format!("/api/security/bans/{id}")).await.status,
        204
    );
    page.until(node_bans::FAR, 401).await;
    machine.close().await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_one_host_holds_on_the_others_and_on_those_that_start_later() {
    let first = TestRoom::open(program!()).await;
    let ada = first.admin("ada").await;
    let vera = first.account("vera", "viewer").await;
    let secret = first.token(vera, false).await;
    let lock = |role: &str| json!({ "target": role, "for_s": 3600, "reason": "a drill" });
    let made = ada.post("/api/locks", lock(&format!("user:{vera}"))).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let second = first.replica(program!()).await;
    let elsewhere = Visitor::with_token(second.client(), &secret);
    elsewhere.get("/api/nodes").await.problem(423, "access-locked");
    let lifted = format!("/api/locks/{}", made.json()["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&lifted).await.status, 204);
    until_status(&elsewhere, "/api/nodes", 200).await;
    assert_eq!(ada.post("/api/locks", lock("role:viewer")).await.status, 201);
    until_status(&elsewhere, "/api/nodes", 403).await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_changed_on_one_host_gives_the_same_on_the_other() {
    let (first, second) = two().await;
    let ada = first.admin("ada").await;
    let crew = json!({ "name": "crew", "role": { "permissions": ["nodes:read"] } });
    assert_eq!(ada.post("/api/roles", crew).await.status, 201);
    let vera = first.account("vera", "crew").await;
    let secret = first.token(vera, false).await;
    let elsewhere = Visitor::with_token(second.client(), &secret);
    until_status(&elsewhere, "/api/nodes", 200).await;
    let less = json!({ "permissions": ["nets:read"] });
    assert_eq!(ada.post("/api/roles/crew", less).await.status, 200);
    until_status(&elsewhere, "/api/nodes", 403).await;
    close(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_changed_on_one_host_holds_the_same_on_the_other() {
    let (first, second) = two().await;
    let ada = first.admin("ada").await;
    let made = ada.post("/api/groups", json!({ "name": "ops" })).await.json();
    let ops = format!("/api/groups/{}", made["id"].as_str().expect("an id"));
    let vera = first.account("vera", "auditor").await;
    let secret = first.token(vera, false).await;
    let elsewhere = Visitor::with_token(second.client(), &secret);
    let joined = ada.post(&format!("{ops}/members"), json!({ "user": vera })).await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    until_status(&elsewhere, "/api/nodes", 403).await;
    let given = ada
        .post(&format!("{ops}/grants"), json!({ "role": "viewer" }))
        .await;
    assert_eq!(given.status, 201, "{}", given.text());
    until_status(&elsewhere, "/api/nodes", 200).await;
    assert_eq!(ada.delete(&format!("{ops}/members/{vera}")).await.status, 204);
    until_status(&elsewhere, "/api/nodes", 403).await;
    close(first, second).await;
}
