//! Tokens: what they open, and what they never do.

use std::time::Duration;

use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_testkit::{TestRoom, Visitor, program};

/// Makes a token through the API and gives its text.
async fn made(owner: &Visitor, draft: Value) -> String {
    let answer = owner.post("/api/tokens", draft).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["token"].as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_cannot_make_tokens() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    ada.post("/api/tokens", json!({ "name": "child" }))
        .await
        .problem(403, "token-by-token");
    let tokens = ada.get("/api/tokens").await.json();
    assert_eq!(tokens["items"].as_array().map(Vec::len), Some(1), "{tokens}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_steps_up_only_if_it_was_made_to() {
    let room = TestRoom::open(program!()).await;
    let olga = room.signed_in("olga", "operator").await;
    let plain = Visitor::with_token(room.client(), &made(&olga, json!({ "name": "plain" })).await);
    let bold = made(&olga, json!({ "name": "bold", "allow_sensitive": true })).await;
    let bold = Visitor::with_token(room.client(), &bold);
    let server = room.server(&plain, "web", "true").await;
    let refused = plain.delete(&format!("/api/servers/{server}")).await;
    assert!(refused.problem(403, "step-up-required")["decision_id"].is_string());
    assert_eq!(bold.delete(&format!("/api/servers/{server}")).await.status, 204);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_no_more_than_it_was_given() {
    let room = TestRoom::open(program!()).await;
    let olga = room.signed_in("olga", "operator").await;
    let draft = json!({ "name": "reader", "permissions": ["compute:read"] });
    let reader = Visitor::with_token(room.client(), &made(&olga, draft).await);
    assert_eq!(reader.get("/api/servers").await.status, 200);
    reader.get("/api/nodes").await.problem(403, "permission-missing");
    let new = json!({ "name": "web", "command": ["/bin/true"] });
    reader
        .post("/api/servers", new)
        .await
        .problem(403, "permission-missing");
    let beyond = json!({ "name": "beyond", "permissions": ["users:manage"] });
    olga.post("/api/tokens", beyond)
        .await
        .fault(400, "invalid-input", "permissions");
    olga.post("/api/tokens", json!({ "name": "reader" }))
        .await
        .fault(409, "name-taken", "name");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_this_machine_is_worth_nothing_through_a_proxy_that_nobody_declared() {
    let room = TestRoom::open(program!()).await;
    let olga = room.signed_in("olga", "operator").await;
    let draft = json!({ "name": "local", "networks": ["127.0.0.0/8"] });
    let local = Visitor::with_token(room.client(), &made(&olga, draft).await);
    assert_eq!(local.get("/api/servers").await.status, 200);
    for passed_on in ["x-forwarded-for", "via", "x-real-ip"] {
        let request = local.request(http::Method::GET, "/api/servers");
        let request = request.header(passed_on, "127.0.0.1");
        let request = request.body(axum::body::Body::empty()).expect("a request");
        local.send(request).await.problem(401, "token-network");
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_holds_from_its_networks_and_until_its_time() {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let room = TestRoom::with(program!(), ambient, |_| {}).await;
    let vera = room.signed_in("vera", "viewer").await;
    vera.post("/api/tokens", json!({ "name": "x", "networks": ["everywhere"] }))
        .await
        .fault(400, "invalid-input", "networks");
    let elsewhere = made(
        &vera,
        json!({ "name": "elsewhere", "networks": ["192.0.2.0/24"] }),
    )
    .await;
    let elsewhere = Visitor::with_token(room.client(), &elsewhere);
    elsewhere.get("/api/servers").await.problem(401, "token-network");
    let here = made(
        &vera,
        json!({ "name": "here", "networks": ["127.0.0.0/8"], "expires_in_s": 600 }),
    )
    .await;
    let here = Visitor::with_token(room.client(), &here);
    assert_eq!(here.get("/api/servers").await.status, 200);
    clock.advance(Duration::from_secs(601));
    here.get("/api/servers").await.problem(401, "token-expired");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_text_is_shown_once_and_a_revoked_token_opens_nothing() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let text = made(&vera, json!({ "name": "ci" })).await;
    assert!(text.starts_with("wr_pat_"), "{text}");
    let program = Visitor::with_token(room.client(), &text);
    assert_eq!(program.get("/api/auth/me").await.json()["via"], "token");
    let list = vera.get("/api/tokens").await;
    assert!(!list.text().contains(&text) && !vera.look("/profile").await.text().contains(&text));
    let id = list.json()["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(vera.delete(&format!("/api/tokens/{id}")).await.status, 204);
    program.get("/api/auth/me").await.problem(401, "token-invalid");
    vera.delete(&format!("/api/tokens/{id}"))
        .await
        .problem(404, "not-found");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_none_opens_nothing_not_even_beside_a_cookie() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    for wrong in [
        "wr_pat_",
        "wr_pat_0000000000000000000000000000",
        "x",
        "null",
        "' OR 1=1 --",
    ] {
        let request = vera
            .request(http::Method::GET, "/api/servers")
            .header(AUTHORIZATION, format!("Bearer {wrong}"));
        let answer = vera
            .send(request.body(axum::body::Body::empty()).expect("a request"))
            .await;
        answer.problem(401, "token-invalid");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_revoked_by_its_owner_alone_or_by_who_may() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let walt = room.signed_in("walt", "viewer").await;
    let text = made(&vera, json!({ "name": "ci" })).await;
    let id = vera.get("/api/tokens").await.json()["items"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    walt.delete(&format!("/api/tokens/{id}"))
        .await
        .problem(404, "not-found");
    assert_eq!(
        walt.submit(&format!("/profile/tokens/{id}/revoke"), &[])
            .await
            .status,
        404
    );
    let program = Visitor::with_token(room.client(), &text);
    assert_eq!(program.get("/api/auth/me").await.status, 200);
    let ada = room.admin("ada").await;
    assert_eq!(ada.delete(&format!("/api/tokens/{id}")).await.status, 204);
    program.get("/api/auth/me").await.problem(401, "token-invalid");
    room.close().await;
}
