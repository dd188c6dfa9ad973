//! A second machine joins: invited, compared by six words, let in by a person, and sent away again.

mod crowds;
mod sent_away;
mod turned_away;

use std::time::Duration;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};
use watchroom::joining::Progress;
use watchroom_testkit::{Machine, TestRoom, Visitor, program};

/// A join URL, made with these wishes.
async fn invited(admin: &Visitor, wishes: Value) -> String {
    let answer = admin.post("/api/cluster/tokens", wishes).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["join_url"].as_str().expect("a URL").to_owned()
}

/// The token inside a join URL.
fn token(url: &str) -> &str {
    url.split_once('#').expect("a token").1
}

/// The one request that waits.
async fn waiting(admin: &Visitor) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let requests = admin.get("/api/cluster/requests").await.json();
        if let Some(request) = requests["items"].as_array().and_then(|items| items.first()) {
            return request.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "nobody asked to join");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn approve(admin: &Visitor, id: &Value) -> Value {
    let path = format!("/api/cluster/requests/{}/approve", id.as_str().expect("an id"));
    let answer = admin.post(&path, json!({ "words_match": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Waits until the node of this name is in this state, and shows it.
async fn until_node(visitor: &Visitor, name: &str, status: &str) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let nodes = visitor.get("/api/nodes").await.json();
        let node = nodes["items"]
            .as_array()
            .expect("nodes")
            .iter()
            .find(|node| node["name"] == name);
        if let Some(node) = node.filter(|node| node["status"] == status) {
            return node.clone();
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{name} is not {status}: {nodes}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How a request stands, asked with this secret.
async fn check(visitor: &Visitor, id: &str, secret: &str, proof: Option<&str>) -> watchroom_testkit::Answer {
    let path = format!("/api/cluster/check-approval/{id}");
    let mut request = visitor
        .request(Method::GET, &path)
        .header("x-poll-secret", secret);
    if let Some(proof) = proof {
        request = request.header("x-key-proof", proof);
    }
    visitor
        .send(request.body(Body::empty()).expect("a request"))
        .await
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("no {name} in {of}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_machine_joins_by_words_and_runs_a_server() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({ "labels": { "site": "north" } })).await;
    let mut machine = Machine::new("attic");
    let mut shown = None;
    let mut tell = |progress| {
        if let Progress::Asked { words, .. } = progress {
            shown = Some(words.to_string());
        }
    };
    let (identity, request) = tokio::join!(machine.join_telling(&url, &mut tell), async {
        let request = waiting(&admin).await;
        approve(&admin, &request["id"]).await;
        request
    });
    let identity = identity.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    assert!(!identity.is_local && identity.token.is_some());
    let words: Vec<_> = request["words"]
        .as_array()
        .expect("words")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        shown.expect("words"),
        words.join(" "),
        "both sides show the same words"
    );

    machine.start(program!()).await;
    let node = until_node(&admin, "attic", "online").await;
    assert_eq!(
        (node["local"].clone(), node["labels"]["site"].clone()),
        (json!(false), json!("north"))
    );
    let pong = admin
        .post(
            &format!("/api/cluster/nodes/{}/ping", text(&node, "id")),
            json!(null),
        )
        .await
        .json();
    assert_eq!(pong["status"]["name"], "attic");

    let path = format!("/api/cluster/subhost/{}/servers", text(&node, "id"));
    let new = json!({ "name": "web", "command": ["/bin/sh", "-c", "exec sleep 600"] });
    let server = admin.post(&path, new).await.json()["server"].clone();
    let id = text(&server, "id").to_owned();
    let started = admin.post(&format!("/api/servers/{id}/start"), json!(null)).await;
    assert_eq!(started.status, 200, "{}", started.text());
    room.until_server(&admin, &id, "running").await;
    assert_eq!(admin.delete(&format!("/api/servers/{id}")).await.status, 204);
    let status = admin.get("/api/cluster/status").await.json();
    assert_eq!(
        (status["nodes"]["online"].clone(), status["health"].clone()),
        (json!(2), json!("good"))
    );
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_join_goes_on_with_the_same_request_and_words() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({})).await;
    let machine = Machine::new("attic");
    let mut words = Vec::new();
    let mut tell = |progress| {
        if let Progress::Asked {
            words: shown,
            is_resumed,
            ..
        } = progress
        {
            words.push((shown, is_resumed));
        }
    };
    tokio::select! {
        _ = machine.join_telling(&url, &mut tell) => panic!("nobody let it in"),
        () = async { waiting(&admin).await; tokio::time::sleep(Duration::from_millis(200)).await } => {}
    }
    let (joined, request) = tokio::join!(machine.join_telling(&url, &mut tell), async {
        let request = waiting(&admin).await;
        approve(&admin, &request["id"]).await;
        request
    });
    joined.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    assert_eq!(words.len(), 2);
    assert_eq!(words[0].0, words[1].0);
    assert!(!words[0].1 && words[1].1);
    assert_eq!(text(&request, "name"), "attic");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_sent_twice_is_made_once() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let send = async |path: &str, body: Value| {
        let request = admin.request(Method::POST, path).header("idempotency-key", "k-1");
        let request = request.header("content-type", "application/json");
        admin
            .send(request.body(Body::from(body.to_string())).expect("a request"))
            .await
    };
    let ticket = Machine::new("attic").request(&room.stranger(), None).await.json();
    let path = format!("/api/cluster/requests/{}/approve", text(&ticket, "id"));
    let first = send(&path, json!({ "words_match": true })).await.json();
    let again = send(&path, json!({ "words_match": true })).await.json();
    assert_eq!((first["outcome"].clone(), again), (json!("done"), first));
    send("/api/cluster/tokens", json!({}))
        .await
        .problem(409, "idempotency-key-reused");
    room.close().await;
}
