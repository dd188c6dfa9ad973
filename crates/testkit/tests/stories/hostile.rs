//! Hostile text in every field there is: kept harmlessly or refused, never believed and never a crash.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use watchroom_testkit::{Answer, TestRoom, Visitor, program};

const MARKUP: &str = "<script>alert(1)</script>";

fn texts() -> Vec<String> {
    let fixed = [
        MARKUP,
        "'; DROP TABLE users; --",
        "../../etc/passwd",
        "{{7*7}}${7*7}",
        "%00%0d%0aSet-Cookie:x=1",
    ];
    let mut texts: Vec<_> = fixed.map(str::to_owned).into();
    texts.push("x".repeat(10_000));
    texts.push("\"><img src=x onerror=alert(1)>".to_owned());
    // Whatever else people can type, the same in every run.
    let mut runner = TestRunner::deterministic();
    let any = "\\PC{0,60}";
    texts.extend((0..6).map(|_| any.new_tree(&mut runner).expect("a text").current()));
    texts
}

/// Never a failure of ours, always dressed; JSON stays JSON.
fn harmless(what: &str, answer: &Answer) {
    assert_ne!(
        answer.status, 429,
        "{what}: a limit stands before what is to be tried"
    );
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
    answer.assert_dressed();
    let kind = answer.header("content-type");
    if kind.starts_with("text/html") {
        assert!(
            !answer.text().contains(MARKUP),
            "{what}: markup came back as markup"
        );
        assert!(
            !answer.text().contains("<img src=x"),
            "{what}: markup came back as markup"
        );
    }
    assert!(
        answer
            .headers
            .get("set-cookie")
            .is_none_or(|cookie| !cookie.as_bytes().starts_with(b"x=1")),
        "{what}"
    );
}

/// A document with the text in one of its places.
fn with(document: &Value, place: &str, text: &str) -> Value {
    let mut document = document.clone();
    match document.pointer_mut(place) {
        Some(value) => *value = json!(text),
        None => panic!("no {place} in {document}"),
    }
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_the_api_takes_hostile_text_without_harm() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let talker = room.server(&ada, "talker", "exec cat").await;
    assert_eq!(
        ada.post(&format!("/api/servers/{talker}/start"), json!({}))
            .await
            .status,
        200
    );
    let server = json!({
        "name": "web", "command": ["/bin/true", "x"], "node": "x", "folder": "x", "run_as": "x",
        "env": { "A": "x" }, "stop": { "line": "x" }, "labels": { "a": "x" }, "restart_policy": "never",
    });
    let person = json!({
        "name": "x", "role": "viewer", "password": "correct Horse 7 battery", "display_name": "x",
        "email": "x@example.org", "call_sign": "X1X",
    });
    let token =
        json!({ "name": "ci", "user": "ada", "permissions": ["compute:read"], "networks": ["10.0.0.0/8"] });
    let fields: [(&str, &Value, &[&str]); 4] = [
        (
            "/api/servers",
            &server,
            &[
                "/name",
                "/command/0",
                "/command/1",
                "/node",
                "/folder",
                "/run_as",
                "/env/A",
                "/stop/line",
                "/labels/a",
                "/restart_policy",
            ],
        ),
        (
            "/api/users",
            &person,
            &[
                "/name",
                "/role",
                "/password",
                "/display_name",
                "/email",
                "/call_sign",
            ],
        ),
        (
            "/api/tokens",
            &token,
            &["/name", "/user", "/permissions/0", "/networks/0"],
        ),
        (
            &format!("/api/servers/{talker}/console"),
            &json!({ "line": "x" }),
            &["/line"],
        ),
    ];
    for text in texts() {
        for (path, document, places) in fields {
            for place in places {
                let answer = ada.post(path, with(document, place, &text)).await;
                harmless(&format!("{path} {place} {text:.40}"), &answer);
            }
        }
    }
    shown_as_text(&ada, &talker).await;
    room.close().await;
}

/// What was kept is shown as what it is: text.
async fn shown_as_text(ada: &Visitor, talker: &str) {
    for page in [
        "/",
        "/servers",
        "/nodes",
        "/audit",
        "/profile",
        &format!("/servers/{talker}"),
    ] {
        let answer = ada.look(page).await;
        assert_eq!(answer.status, 200, "{page}");
        harmless(page, &answer);
    }
    for list in ["/api/servers", "/api/users", "/api/tokens", "/api/audit"] {
        let answer = ada.get(list).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/json"),
            "{list}"
        );
    }
    assert_eq!(
        ada.post("/api/audit/verify", json!({})).await.json()["intact"],
        true
    );
}

/// Sends a form once for each of its fields, with that field as `text`.
async fn each_field_as(visitor: &Visitor, path: &str, form: &[(&str, &str)], text: &str) {
    for index in 0..form.len() {
        let mut fields = form.to_vec();
        fields[index].1 = text;
        let answer = visitor.submit(path, &fields).await;
        harmless(&format!("{path} {} {text:.40}", fields[index].0), &answer);
        let to = answer.header("location");
        assert!(
            to.is_empty() || (to.starts_with('/') && !to.starts_with("//")),
            "{path}: sent to {to}"
        );
    }
}

async fn ask_with(visitor: &Visitor, path: &str, name: &'static str, text: &str) -> Option<Answer> {
    // What cannot stand in a header cannot be sent in one.
    let value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    let mut request = visitor
        .request(Method::GET, path)
        .body(Body::empty())
        .expect("a request");
    request.headers_mut().insert(name, value);
    Some(visitor.send(request).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_path_and_header_takes_hostile_text_without_harm() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let queries = [
        "/api/servers?name=",
        "/api/servers?node=",
        "/api/servers?status=",
        "/api/servers?cursor=",
        "/api/audit?user=",
        "/api/audit?text=",
        "/api/audit?action=",
        "/api/audit?resource=",
        "/api/audit?from=",
        "/login?next=",
        "/api/audit/export?format=",
    ];
    let paths = [
        "/api/servers/",
        "/api/nodes/",
        "/api/users/",
        "/api/cluster/subhost/",
        "/assets/x/",
        "/",
    ];
    for text in texts() {
        let encoded = serde_urlencoded::to_string([("", &text)])
            .expect("a query")
            .split_off(1);
        for query in queries {
            harmless(
                &format!("{query}{text:.40}"),
                &ada.look(&format!("{query}{encoded}")).await,
            );
        }
        for path in paths {
            harmless(
                &format!("{path}{text:.40}"),
                &ada.look(&format!("{path}{encoded}")).await,
            );
        }
        for name in [
            "user-agent",
            "idempotency-key",
            "last-event-id",
            "x-request-id",
            "x-forwarded-for",
            "cookie",
            "authorization",
            "referer",
            "accept",
        ] {
            if let Some(answer) = ask_with(&ada, "/api/nodes", name, &text).await {
                harmless(&format!("{name}: {text:.40}"), &answer);
            }
        }
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_takes_hostile_text_without_harm() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let talker = room.server(&ada, "talker", "true").await;
    let node = room.host.fleet.local_node().expect("a node").id().to_string();
    let send = format!("/servers/{talker}/send");
    let start = format!("/servers/{talker}/start");
    let remove = format!("/servers/{talker}/remove");
    let forms: [(&str, &[(&str, &str)]); 7] = [
        (
            "/servers/new",
            &[
                ("name", "web"),
                ("node", &node),
                ("command", "/bin/true"),
                ("env", "A=x"),
                ("folder", "x"),
                ("run_as", "x"),
                ("restart_policy", "never"),
                ("stop_line", "x"),
                ("stop_signal", "TERM"),
                ("stop_patience", "1"),
                ("memory_mib", "1"),
                ("cpu_percent", "1"),
                ("labels", "a=x"),
            ],
        ),
        (&send, &[("line", "x")]),
        (&start, &[("back", "/servers")]),
        (&remove, &[("confirm_name", "x"), ("password", "x")]),
        ("/profile/theme", &[("theme", "dark")]),
        (
            "/profile/tokens",
            &[
                ("name", "x"),
                ("expires_days", "1"),
                ("allow_sensitive", "on"),
                ("password", "x"),
            ],
        ),
        (
            "/change-password",
            &[
                ("old_password", "x"),
                ("new_password", "x"),
                ("confirm_password", "x"),
            ],
        ),
    ];
    for text in texts() {
        for (path, fields) in forms {
            each_field_as(&ada, path, fields, &text).await;
        }
        let mut stranger = room.stranger();
        harmless(
            &format!("sign-in as {text:.40}"),
            &stranger.try_sign_in(&text, &text).await,
        );
        let body = Body::from(text.clone());
        let request = ada
            .request(Method::POST, "/servers/new")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        harmless(
            &format!("no form: {text:.40}"),
            &ada.send(request.body(body).expect("a request")).await,
        );
    }
    for page in [
        "/",
        "/servers",
        "/audit",
        "/profile",
        &format!("/servers/{talker}"),
    ] {
        harmless(page, &ada.look(page).await);
    }
    room.close().await;
}
