//! Keys and links as people meet them: a copied machine, a rotated CA, and a node that writes down its orders.

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use watchroom::agent::Agent;
use watchroom::state::State;
use watchroom_fleet::FleetEvent;
use watchroom_fleet::nodes::Turn;
use watchroom_kit::{Ambient, Clock, Entropy, ExposeSecret, Tasks};
use watchroom_model::NodeStatus;
use watchroom_node::{Allowed, NodeAudit};
use watchroom_testkit::{Machine, TestRoom, Visitor, program};

/// Waits until the room's node is in this state, and gives the reason.
async fn until_node(visitor: &Visitor, status: &str) -> String {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let nodes = visitor.get("/api/nodes").await.json();
        let node = &nodes["items"][0];
        if node["status"] == status {
            return node["reason"].as_str().expect("a reason").to_owned();
        }
        assert!(tokio::time::Instant::now() < deadline, "not {status}: {node}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn node_id(visitor: &Visitor) -> String {
    let nodes = visitor.get("/api/nodes").await.json();
    nodes["items"][0]["id"].as_str().expect("an id").to_owned()
}

/// What a copied disk holds of a node.
fn copy(from: &Path, to: &Path) {
    for folder in ["keys", "node"] {
        let target = to.join(folder);
        watchroom_kit::files::private_folder(&target).expect("a folder");
        for entry in fs::read_dir(from.join(folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a kind").is_file() {
                fs::copy(entry.path(), target.join(entry.file_name())).expect("a copy");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_machine_is_fenced_until_an_administrator_decides() {
    let room = TestRoom::open(program!()).await;
    let (admin, vera) = (room.admin("alice").await, room.viewer("vera").await);
    let elsewhere = room.state().parent().expect("a room").join("elsewhere");
    watchroom_kit::files::private_folder(&elsewhere).expect("a folder");
    copy(&room.state(), &elsewhere);
    let state = State::open(&elsewhere, "node").unwrap_or_else(|error| panic!("{error:?}"));
    let thief = Agent::start(
        &state,
        program!().shim,
        Allowed::default(),
        None,
        room.host.ambient(),
    )
    .await;
    let thief = thief.unwrap_or_else(|error| panic!("{error:?}"));
    let reason = until_node(&vera, "locked").await;
    assert!(
        reason.starts_with("fenced: two machines have its key"),
        "{reason}"
    );
    // An order to it is refused by name while nobody knows which of the two would do it.
    let refused = admin
        .post("/api/servers", json!({ "name": "web", "command": ["/bin/true"] }))
        .await;
    assert_eq!(refused.status, 503, "{}", refused.text());

    let path = format!("/api/cluster/nodes/{}/unfence", node_id(&vera).await);
    assert_eq!(vera.post(&path, json!({})).await.status, 403);
    thief.close().await;
    let shown = admin.post(&path, json!({})).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    until_node(&vera, "online").await;
    let audit = admin.get("/api/audit?limit=200").await.json();
    let entries = audit["items"].as_array().expect("entries");
    let acts: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    assert!(
        acts.contains(&"node.fence") && acts.contains(&"node.unfence"),
        "{acts:?}"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_ca_is_rotated_and_every_order_still_arrives() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let before = room.host.cluster_ca.fingerprint().to_string();
    let first = admin.post("/api/cluster/ca/rotate", json!({})).await;
    assert_eq!(
        (first.status, first.json()["outcome"].as_str()),
        (200, Some("done"))
    );
    let again = admin.post("/api/cluster/ca/rotate", json!({})).await.json();
    assert_eq!(again["fingerprint"], first.json()["fingerprint"]);
    assert_ne!(again["fingerprint"], before);
    let server = room.server(&admin, "web", "sleep 1000").await;
    room.until("the old CA has retired", || {
        room.host.cluster_ca.retires_at().is_none().then_some(())
    })
    .await;
    let started = admin
        .post(&format!("/api/servers/{server}/start"), json!({}))
        .await;
    assert_eq!(started.status, 200, "{}", started.text());
    room.until_server(&admin, &server, "running").await;
    let node = room.host.fleet.local_node().expect("a node");
    assert!(room.host.hub.link(node.id()).expect("a link").has_moved());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_writes_down_who_ordered_what_and_what_came_of_it() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let server = room.server(&admin, "web", "sleep 1000").await;
    for verb in ["start", "stop"] {
        let answer = admin
            .post(&format!("/api/servers/{server}/{verb}"), json!({}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let audit = NodeAudit::read(&room.state().join("node")).expect("an audit");
    let told: Vec<_> = audit
        .entries
        .iter()
        .map(|entry| {
            let of = |key: &str| entry.extra[key].as_str().expect("a word").to_owned();
            assert!(entry.decision_id.is_some() && entry.resource == format!("server:{server}"));
            format!("{} {} {}", of("by"), entry.action, of("phase"))
        })
        .collect();
    let expected = ["create", "start", "stop"]
        .iter()
        .flat_map(|verb| ["decided", "done"].map(|phase| format!("alice server.{verb} {phase}")));
    assert_eq!(told, expected.collect::<Vec<_>>());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simple_client_says_that_it_is_there_by_token_and_key_and_each_heartbeat_counts_once() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let machine = Machine::new("buoy");
    let made = admin
        .post("/api/cluster/tokens", json!({ "auto_approve": true }))
        .await
        .json();
    let identity = machine
        .join(made["join_url"].as_str().expect("a join URL"))
        .await
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    let token = identity.token.expect("a token").token.expose_secret().to_owned();
    let send = async |body: &Value, credential: &str| {
        let request = room
            .stranger()
            .request(Method::POST, "/api/cluster/heartbeat")
            .header("x-node-credential", credential)
            .header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).expect("a request");
        room.stranger().send(request).await.status
    };
    let path = format!("/api/nodes/{}", identity.node);
    assert_eq!(admin.get(&path).await.json()["status"], "offline");
    let (beat, credential) = machine.heartbeat(&token);
    assert_eq!(send(&beat, &credential).await, 204);
    let shown = admin.get(&path).await.json();
    assert_eq!(
        (&shown["status"], &shown["server_count"]),
        (&json!("online"), &json!(3))
    );
    assert_eq!(
        send(&beat, &credential).await,
        409,
        "somebody repeats what was heard"
    );
    let (mut forged, credential) = machine.heartbeat(&token);
    forged["server_count"] = json!(4);
    assert_eq!(send(&forged, &credential).await, 401);
    let (beat, stolen) = Machine::new("buoy").heartbeat(&token);
    assert_eq!(send(&beat, &stolen).await, 401, "a token without the node's key");
    let (beat, guessed) = machine.heartbeat("wr_node_guessed");
    assert_eq!(send(&beat, &guessed).await, 401);
    let revoked = admin
        .delete(&format!("/api/cluster/nodes/{}", identity.node))
        .await;
    assert!(revoked.status < 300, "{}", revoked.text());
    let (beat, credential) = machine.heartbeat(&token);
    assert_eq!(send(&beat, &credential).await, 401);
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_becomes_late_then_offline_and_listeners_are_told_of_both() {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let room = TestRoom::with(program!(), ambient, |_| {}).await;
    let admin = room.admin("alice").await;
    let mut machine = Machine::new("buoy");
    let made = admin
        .post("/api/cluster/tokens", json!({ "auto_approve": true }))
        .await
        .json();
    let identity = machine
        .join(made["join_url"].as_str().expect("a join URL"))
        .await
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    let mut events = room.host.fleet.events();
    let mut turned = async |status: NodeStatus| {
        let told = async {
            loop {
                match events.recv().await.expect("an event") {
                    FleetEvent::Turned(node, turn) if node == identity.node => return turn,
                    _ => {}
                }
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(30), told).await;
        assert_eq!(told.expect("it is told"), Turn::Became(status));
    };
    machine.start(program!()).await;
    let path = format!("/api/nodes/{}", identity.node);
    let node = room.host.fleet.node(identity.node).expect("a node");
    room.until("it is online", || {
        (room.host.fleet.view_node(&node).status == NodeStatus::Online).then_some(())
    })
    .await;
    machine.close().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let reason = loop {
        let node = admin.get(&path).await.json();
        assert_eq!(node["status"], "online", "fifteen seconds have not passed");
        match node["reason"].as_str().expect("a reason") {
            "" => assert!(
                tokio::time::Instant::now() < deadline,
                "the cut link does not show"
            ),
            reason => break reason.to_owned(),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(reason.contains("the link was lost"), "{reason}");
    clock.advance(Duration::from_secs(15));
    turned(NodeStatus::Late).await;
    clock.advance(Duration::from_secs(15));
    turned(NodeStatus::Offline).await;
    room.close().await;
}
