//! Who is not let in, and learns no more than they must.

use axum::body::Body;
use data_encoding::BASE64;
use http::Request;
use serde_json::{Value, json};
use watchroom_model::JoinRequestId;
use watchroom_testkit::{Client, Machine, TestRoom, Visitor, program};
use watchroom_trust::JoinClient;

use super::{approve, check, invited, text, token, waiting};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_the_poll_secret_learns_anything() {
    let room = TestRoom::open(program!()).await;
    let stranger = room.stranger();
    let ticket = Machine::new("attic").request(&stranger, None).await.json();
    let unknown = JoinRequestId::mint(room.host.ambient()).to_string();
    let mut told = Vec::new();
    for (id, secret) in [
        (text(&ticket, "id"), "guessed"),
        (text(&ticket, "id"), ""),
        (&unknown, text(&ticket, "poll_secret")),
    ] {
        let mut problem = check(&stranger, id, secret, None).await.problem(404, "not-found");
        problem["request_id"] = Value::Null;
        told.push(problem);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_comparing_words_or_a_fresh_proof_nobody_is_let_in() {
    let room = TestRoom::open(program!()).await;
    let ticket = Machine::new("attic").request(&room.stranger(), None).await.json();
    let path = format!("/api/cluster/requests/{}/approve", text(&ticket, "id"));
    let admin = room.admin("alice").await;
    for words in [json!({}), json!({ "words_match": false })] {
        admin
            .post(&path, words)
            .await
            .fault(400, "words-not-confirmed", "words_match");
    }
    let user = room.account("olga", "operator").await;
    let everyday = Visitor::with_token(room.client(), &room.token(user, false).await);
    let refused = everyday.post(&path, json!({ "words_match": true })).await;
    assert_eq!(
        (refused.status, refused.slug().as_str()),
        (403, "step-up-required")
    );
    let vera = room.viewer("vera").await;
    assert_eq!(vera.post(&path, json!({ "words_match": true })).await.status, 403);
    assert_eq!(
        admin.get("/api/cluster/requests").await.json()["items"][0]["status"],
        "pending"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_belongs_to_another_key_is_denied_and_written_down() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({ "auto_approve": true })).await;
    Machine::new("attic")
        .join(&url)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    let second = invited(&admin, json!({ "auto_approve": true })).await;
    let failure = Machine::new("attic")
        .join(&second)
        .await
        .expect_err("the name is taken");
    assert!(
        failure.render(false).contains("belongs to another machine"),
        "{}",
        failure.render(false)
    );
    assert_eq!(failure.exit_code(), 3);
    let entries = admin
        .get("/api/audit?action=node.join.request&limit=10")
        .await
        .json();
    let denied = entries["items"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["result"] == "denied" && entry["event_type"] == "SUSPICIOUS");
    assert_eq!(denied.count(), 1, "{entries}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_machine_is_told_why_and_asks_anew() {
    let room = TestRoom::open(program!()).await;
    let admin = room.admin("alice").await;
    let url = invited(&admin, json!({ "uses": 2 })).await;
    let machine = Machine::new("attic");
    let (joined, ()) = tokio::join!(machine.join(&url), async {
        let request = waiting(&admin).await;
        let path = format!("/api/cluster/requests/{}/reject", text(&request, "id"));
        admin
            .post(&path, json!({ "reason": " " }))
            .await
            .fault(400, "invalid-input", "reason");
        let decided = admin
            .post(&path, json!({ "reason": "not one of ours" }))
            .await
            .json();
        assert_eq!(
            (decided["outcome"].clone(), decided["request"]["status"].clone()),
            (json!("done"), json!("rejected"))
        );
        let again = admin
            .post(&path, json!({ "reason": "not one of ours" }))
            .await
            .json();
        assert_eq!(again["outcome"], "already_so");
        let approve = path.replace("reject", "approve");
        admin
            .post(&approve, json!({ "words_match": true }))
            .await
            .problem(409, "join-request-decided");
    });
    let failure = joined.expect_err("it was rejected").render(false);
    assert!(failure.contains("not one of ours"), "{failure}");
    let (joined, _) = tokio::join!(machine.join(&url), async {
        let request = waiting(&admin).await;
        approve(&admin, &request["id"]).await
    });
    joined.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_door_for_joining_there_is_nothing_else() {
    let room = TestRoom::open(program!()).await;
    let joining = JoinClient::new(
        Some(room.host.cluster_ca.fingerprint()),
        &room.host.ambient().clock,
    );
    let config = joining.expect("a configuration").config();
    let client = Client::new(room.address(), (*config).clone());
    let ask = |path: &str| {
        let request = Request::builder().uri(path).header("host", "any.name.example");
        request.body(Body::empty()).expect("a request")
    };
    for path in ["/", "/login", "/api/nodes", "/api/openapi.json", "/health"] {
        client.ask(ask(path)).await.problem(421, "wrong-door");
    }
    let id = JoinRequestId::mint(room.host.ambient());
    let own = client
        .ask(ask(&format!("/api/cluster/check-approval/{id}")))
        .await;
    own.problem(404, "not-found");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_is_refused_by_its_field() {
    let room = TestRoom::open(program!()).await;
    let stranger = room.stranger();
    let machine = Machine::new("attic");
    for (field, wrong) in [
        ("nonce", json!(BASE64.encode(&[1; 31]))),
        ("version", json!("1.0 <b>")),
        ("address", json!("host:80")),
        ("certificate_request", json!(BASE64.encode(b"no request"))),
        ("name", json!("a b")),
        ("port", json!(70_000)),
    ] {
        let mut ask = machine.ask(None);
        ask[field] = wrong;
        let answer = stranger.post("/api/cluster/request-join", ask).await;
        assert_eq!(answer.status, 400, "{field}: {}", answer.text());
        assert!(answer.text().contains(field), "{field}: {}", answer.text());
    }
    let mut ask = machine.ask(Some("wr_join_x"));
    ask["name"] = json!("attic");
    stranger
        .post("/api/cluster/request-join", ask)
        .await
        .problem(403, "join-token-invalid");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_over_opens_nothing() {
    let room = TestRoom::open(program!()).await;
    let (admin, stranger) = (room.admin("alice").await, room.stranger());
    let url = invited(&admin, json!({})).await;
    let listed = admin.get("/api/cluster/tokens").await.json();
    let id = text(&listed["items"][0], "id").to_owned();
    assert!(
        !listed.to_string().contains(token(&url)),
        "a list shows no secret"
    );
    assert_eq!(
        admin.delete(&format!("/api/cluster/tokens/{id}")).await.status,
        204
    );
    Machine::new("attic")
        .request(&stranger, Some(token(&url)))
        .await
        .problem(403, "join-token-invalid");
    admin
        .delete(&format!("/api/cluster/tokens/{id}"))
        .await
        .problem(404, "not-found");
    for (field, wrong) in [
        ("uses", json!({ "uses": 0 })),
        ("uses", json!({ "name": "attic", "uses": 2 })),
        ("expires_in_s", json!({ "expires_in_s": 1 })),
        ("replaces", json!({ "replaces": "nobody" })),
    ] {
        admin
            .post("/api/cluster/tokens", wrong)
            .await
            .fault(400, "invalid-input", field);
    }
    room.close().await;
}
