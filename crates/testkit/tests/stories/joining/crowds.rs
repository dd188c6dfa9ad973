//! Many ask at once, and one wins; many wait, and nobody fills the list.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use watchroom_kit::SecretString;
use watchroom_model::JoinRequestId;
use watchroom_model::join::{Bytes64, JoinAsk, JoinStatus};
use watchroom_policy::act;
use watchroom_testkit::{Machine, TestRoom, program};
use watchroom_trust::NodeKey;

use super::super::bans::proxied;
use super::{approve, check, invited, text, token};

/// How many try at once where exactly one may win.
const CROWD: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_who_share_one_join_token_exactly_one_may_ask() {
    let room = Arc::new(TestRoom::open(program!()).await);
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({})).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let key = NodeKey::open_or_make(&folder.path().join(number.to_string())).expect("a key");
        let ask = JoinAsk {
            token: Some(SecretString::from(token(&url))),
            name: format!("machine-{number}").parse().expect("a name"),
            address: None,
            port: 0,
            version: "0.1.0".to_owned(),
            certificate_request: Bytes64(key.request().expect("a request")),
            nonce: Bytes64(vec![7; 32]),
        };
        let (room, permit) = (
            room.clone(),
            room.as_root(act::RequestJoin, &room.host.fleet.draft_join_request()),
        );
        crowd.spawn(async move {
            room.host
                .fleet
                .request_join(&permit, ask)
                .await
                .map(|ticket| ticket.status)
        });
    }
    let asked: Vec<_> = crowd.join_all().await;
    let won: Vec<_> = asked.iter().flatten().collect();
    assert_eq!(won, [&JoinStatus::Pending]);
    assert_eq!(
        admin.get("/api/cluster/requests").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let room = Arc::into_inner(room).expect("nobody else in the room");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_polls_exactly_one_is_handed_the_papers() {
    let room = Arc::new(TestRoom::open(program!()).await);
    let admin = room.admin("alice").await;
    let machine = Machine::new("attic");
    let ticket = machine.request(&room.stranger(), None).await.json();
    let (id, secret) = (
        text(&ticket, "id").to_owned(),
        text(&ticket, "poll_secret").to_owned(),
    );
    let pending = check(&room.stranger(), &id, &secret, None).await.json();
    assert_eq!(
        (pending["status"].clone(), pending["papers"].clone()),
        (json!("pending"), Value::Null)
    );
    approve(&admin, &ticket["id"]).await;

    let request: JoinRequestId = id.parse().expect("an id");
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (room, secret) = (room.clone(), secret.clone());
        crowd.spawn(async move {
            let own = room
                .host
                .fleet
                .own_join_request(request, &secret)
                .await
                .expect("a request");
            let permit = room.as_root(act::HandOverPapers, &own);
            let answer = room
                .host
                .fleet
                .hand_over(&permit, &own, None)
                .await
                .expect("an answer");
            answer.papers.is_some()
        });
    }
    let handed = crowd
        .join_all()
        .await
        .into_iter()
        .filter(|papers| *papers)
        .count();
    assert_eq!(handed, 1);

    // The answer was lost on the way: the machine proves its key and is given new papers.
    let stranger = room.stranger();
    assert_eq!(
        check(&stranger, &id, &secret, None).await.json()["papers"],
        Value::Null
    );
    let forged = Machine::new("attic").proof(&id, room.host.ambient().now());
    assert_eq!(
        check(&stranger, &id, &secret, Some(&forged)).await.json()["papers"],
        Value::Null
    );
    let stale = machine.proof(&id, room.host.ambient().now() - Duration::from_secs(3_600));
    assert_eq!(
        check(&stranger, &id, &secret, Some(&stale)).await.json()["papers"],
        Value::Null
    );
    let proof = machine.proof(&id, room.host.ambient().now());
    let papers = check(&stranger, &id, &secret, Some(&proof)).await.json()["papers"].clone();
    assert_eq!(text(&papers, "name"), "attic");
    let node = room
        .host
        .fleet
        .node_by_token(text(&papers, "token"))
        .expect("the token is taken");
    assert_eq!(node.name().as_str(), "attic");
    drop(node);
    let room = Arc::into_inner(room).expect("nobody else in the room");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fills_the_list_of_those_who_wait() {
    let room = TestRoom::with(program!(), watchroom_kit::Ambient::system(), |config| {
        proxied(config);
        config.join.most_pending = 4;
    })
    .await;
    let admin = room.admin("alice").await.coming_from("10.9.8.7");
    let url = invited(&admin, json!({ "uses": 5 })).await;
    let ask = async |name: &str, from: &str, token: Option<&str>| {
        let machine = Machine::new(name);
        machine
            .request(&room.stranger().coming_from(from), token)
            .await
            .status
    };
    // Each network has a part of the list, of whatever kind its addresses are, and nobody has it whole.
    assert_eq!(ask("one", "10.0.1.1", None).await, 201);
    assert_eq!(ask("one-beside", "10.0.1.2", None).await, 429);
    assert_eq!(ask("two", "fd00:1::1", None).await, 201);
    assert_eq!(ask("two-beside", "fd00:1:0:7::1", None).await, 429);
    assert_eq!(ask("three", "10.0.3.1", None).await, 201);
    assert_eq!(ask("four", "fd00:4::1", None).await, 201);
    assert_eq!(ask("five", "10.0.5.1", None).await, 429);
    // Who was invited does not wait behind those who were not.
    for name in ["six", "seven"] {
        assert_eq!(ask(name, "10.0.1.3", Some(token(&url))).await, 201);
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_has_as_many_requests_for_a_house_however_many_addresses_it_has() {
    let room = TestRoom::with(program!(), watchroom_kit::Ambient::system(), |config| {
        proxied(config);
        config.join.per_address_per_hour = 2;
    })
    .await;
    let ask = async |name: &str, from: &str| {
        let machine = Machine::new(name);
        machine
            .request(&room.stranger().coming_from(from), None)
            .await
            .status
    };
    for (name, address) in [("one", "fd00:0:0:7::1"), ("two", "fd00:0:0:7:8:9:a:b")] {
        assert_eq!(ask(name, address).await, 201);
    }
    assert_eq!(ask("three", "fd00:0:0:7::3").await, 429);
    assert_eq!(ask("four", "fd00:0:0:8::1").await, 201);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_without_an_invitation_may_not_ask_for_ever_with_one() {
    let room = TestRoom::with(program!(), watchroom_kit::Ambient::system(), |config| {
        config.join.per_address_per_hour = 1;
        config.join.networks.clear();
    })
    .await;
    let (stranger, admin) = (room.stranger(), room.admin("alice").await);
    Machine::new("one")
        .request(&stranger, None)
        .await
        .problem(403, "join-not-allowed");
    let url = invited(&admin, json!({ "uses": 5 })).await;
    assert_eq!(
        Machine::new("one")
            .request(&stranger, Some(token(&url)))
            .await
            .status,
        201
    );
    Machine::new("two")
        .request(&stranger, Some(token(&url)))
        .await
        .problem(429, "rate-limited");
    room.close().await;
}
