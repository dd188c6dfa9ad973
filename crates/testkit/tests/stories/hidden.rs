//! Who may not know of a thing is answered as if there were none: the same words, the same headers.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use watchroom_testkit::{Answer, TestRoom, Visitor, program};

/// An id that nothing has.
const NOTHING: &str = "01980000-0000-7000-8000-000000000000";

/// What of an answer could tell two things apart.
fn told(answer: &Answer) -> (u16, HeaderMap, Value) {
    let mut headers = answer.headers.clone();
    for name in ["x-request-id", "date", "ratelimit"] {
        headers.remove(name);
    }
    let mut body = answer.json();
    for name in ["request_id", "decision_id"] {
        body.as_object_mut().and_then(|body| body.remove(name));
    }
    (answer.status, headers, body)
}

async fn ask(visitor: &Visitor, (method, path, body): (&str, &str, &Value)) -> Answer {
    let method: Method = method.parse().expect("a method");
    let request = visitor
        .request(method, path)
        .header(CONTENT_TYPE, "application/json");
    visitor
        .send(request.body(Body::from(body.to_string())).expect("a request"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_know_is_answered_like_what_is_not_there() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let mia = room.person("mia", "member").await;
    let server = room.server(&ada, "web", "true").await;
    let node = ada.get("/api/nodes").await.json()["items"][0]["id"]
        .as_str()
        .expect("a node")
        .to_owned();
    let user = room.account("somebody", "viewer").await;
    room.token(user, false).await;
    let tokens = ada.get("/api/tokens").await.json();
    let owned = tokens["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|token| token["owner"] == user.to_string());
    let token = owned.expect("a token")["id"].as_str().expect("an id").to_owned();
    let (user, none) = (user.to_string(), json!({}));
    let password = json!({ "password": "Another horse 8 pasture" });
    let line = json!({ "line": "hello" });
    for (method, path, id, body) in [
        ("GET", "/api/servers/{}", &server, &none),
        ("DELETE", "/api/servers/{}", &server, &none),
        ("POST", "/api/servers/{}/start", &server, &none),
        ("POST", "/api/servers/{}/stop", &server, &none),
        ("POST", "/api/servers/{}/restart", &server, &none),
        ("GET", "/api/servers/{}/logs", &server, &none),
        ("GET", "/api/servers/{}/console", &server, &none),
        ("POST", "/api/servers/{}/console", &server, &line),
        ("GET", "/api/nodes/{}", &node, &none),
        ("GET", "/api/users/{}", &user, &none),
        ("POST", "/api/users/{}/disable", &user, &none),
        ("POST", "/api/users/{}/enable", &user, &none),
        ("POST", "/api/users/{}/reset-password", &user, &password),
        ("DELETE", "/api/tokens/{}", &token, &none),
    ] {
        let there = ask(&mia, (method, &path.replace("{}", id), body)).await;
        let absent = ask(&mia, (method, &path.replace("{}", NOTHING), body)).await;
        there.problem(404, "not-found");
        assert_eq!(told(&there), told(&absent), "{method} {path}");
    }
    let on_node = format!("/api/cluster/subhost/{node}/servers");
    for verb in ["start", "stop", "restart"] {
        let there = ask(&mia, ("POST", &format!("{on_node}/web/{verb}"), &none)).await;
        let absent = ask(&mia, ("POST", &format!("{on_node}/no-such/{verb}"), &none)).await;
        assert_eq!(told(&there), told(&absent), "{verb}");
    }
    for list in ["/api/servers", "/api/nodes", "/api/users"] {
        mia.get(list).await.problem(403, "permission-missing");
    }
    assert_eq!(
        mia.get("/api/tokens").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "her own"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_draft_tells_who_or_what_there_is() {
    let room = TestRoom::open(program!()).await;
    room.account("somebody", "viewer").await;
    let dora = room.signed_in("dora", "developer").await;
    let draft = |user: &str| json!({ "name": "ci", "user": user });
    let there = dora.post("/api/tokens", draft("somebody")).await;
    let absent = dora.post("/api/tokens", draft("nobody-there")).await;
    assert_eq!(there.status, 403);
    assert_eq!(told(&there).0, told(&absent).0);
    assert_eq!(there.slug(), absent.slug());
    let node = room.host.fleet.local_node().expect("a node");
    let draft = |node: String| json!({ "name": "web", "command": ["/bin/true"], "node": node });
    let there = dora.post("/api/servers", draft(node.name().to_string())).await;
    let absent = dora.post("/api/servers", draft("nowhere".to_owned())).await;
    assert_eq!(told(&there), told(&absent));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_the_same_of_everything() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let server = room.server(&ada, "web", "true").await;
    let stranger = room.stranger();
    let there = stranger.get(&format!("/api/servers/{server}")).await;
    let absent = stranger.get(&format!("/api/servers/{NOTHING}")).await;
    there.problem(401, "not-signed-in");
    assert_eq!(told(&there), told(&absent));
    room.close().await;
}

/// All that a page says, without what is new in every answer and without the name that was typed.
fn told_at_the_entrance(answer: &Answer, name: &str) -> (u16, Vec<(String, String)>, String) {
    let is_new = |header: &str| ["x-request-id", "date", "set-cookie", "ratelimit"].contains(&header);
    let headers = answer
        .headers
        .iter()
        .filter(|(header, _)| !is_new(header.as_str()));
    let mut headers: Vec<_> = headers
        .map(|(header, value)| {
            (
                header.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    headers.sort();
    let mut text = answer.text().replace(name, "NAME");
    text = text.replace(answer.header("x-request-id"), "ID");
    // Each form has its token.
    while let Some((before, rest)) = text.split_once("name=\"csrf_token\" value=\"") {
        let (_, after) = rest.split_once('"').expect("a whole token");
        text = format!("{before}{after}");
    }
    (answer.status, headers, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_answered_alike_whether_or_not_the_name_exists() {
    let room = TestRoom::open(program!()).await;
    room.account("vera", "viewer").await;
    let mut said = Vec::new();
    for name in ["vera", "vega"] {
        let answer = room.stranger().try_sign_in(name, "wrong horse 9").await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        said.push(told_at_the_entrance(&answer, name));
    }
    assert_eq!(said[0], said[1]);
    room.close().await;
}
