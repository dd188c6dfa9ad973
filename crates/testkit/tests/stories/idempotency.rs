//! A repeated request is done once and answered as the first one was.

use axum::body::Body;
use futures_util::future::join_all;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use watchroom_testkit::{Answer, TestRoom, Visitor, program};

async fn post(visitor: &Visitor, path: &str, key: &str, body: &Value) -> Answer {
    let request = visitor
        .request(Method::POST, path)
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    visitor
        .send(request.body(Body::from(body.to_string())).expect("a request"))
        .await
}

fn new(name: &str) -> Value {
    json!({ "name": name, "command": ["/bin/sh", "-c", "exec sleep 600"] })
}

async fn count(visitor: &Visitor) -> usize {
    visitor.get("/api/servers").await.json()["items"]
        .as_array()
        .expect("items")
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_does_it_once_and_answers_the_same() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let first = post(&olga, "/api/servers", "k-1", &new("web")).await;
    let second = post(&olga, "/api/servers", "k-1", &new("web")).await;
    assert_eq!((first.status, second.status), (201, 201), "{}", second.text());
    assert_eq!(first.json(), second.json());
    assert_eq!(count(&olga).await, 1);

    let start = format!(
        "/api/servers/{}/start",
        first.json()["server"]["id"].as_str().expect("an id")
    );
    let started = post(&olga, &start, "k-2", &json!({})).await;
    let pid = started.json()["server"]["pid"].clone();
    assert!(pid.is_u64(), "{}", started.text());
    let again = post(&olga, &start, "k-2", &json!({})).await;
    assert_eq!((again.status, again.json()), (200, started.json()));
    let restart = start.replace("/start", "/restart");
    let restarted = post(&olga, &restart, "k-3", &json!({})).await;
    let again = post(&olga, &restart, "k-3", &json!({})).await;
    assert_ne!(restarted.json()["server"]["pid"], pid);
    assert_eq!(again.json(), restarted.json(), "it restarted once");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_request_of_one_person() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    assert_eq!(post(&olga, "/api/servers", "k-1", &new("web")).await.status, 201);
    post(&olga, "/api/servers", "k-1", &new("db"))
        .await
        .problem(409, "idempotency-key-reused");
    let oscar = room.operator("oscar").await;
    assert_eq!(
        post(&oscar, "/api/servers", "k-1", &new("db")).await.status,
        201,
        "a key of his own"
    );
    for wrong in ["", "with space", &"x".repeat(129)] {
        post(&olga, "/api/servers", wrong, &new("third")).await.fault(
            400,
            "invalid-input",
            "Idempotency-Key",
        );
    }
    assert_eq!(count(&olga).await, 2);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_make_exactly_one_server_and_hear_the_same() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let body = new("web");
    let answers = join_all((0..20).map(|_| post(&olga, "/api/servers", "k-1", &body))).await;
    let told: Vec<_> = answers
        .iter()
        .map(|answer| (answer.status, answer.json()))
        .collect();
    for (status, answer) in &told {
        assert_eq!((*status, answer), (201, &told[0].1), "{told:?}");
    }
    assert_eq!(count(&olga).await, 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_request_was_refused_may_be_used_again() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let missing = json!({ "name": "web", "command": ["/no/such/program"] });
    post(&olga, "/api/servers", "k-1", &missing)
        .await
        .fault(400, "refused-by-node", "command");
    assert_eq!(post(&olga, "/api/servers", "k-1", &new("web")).await.status, 201);
    room.close().await;
}
