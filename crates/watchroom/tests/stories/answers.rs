//! What the listeners answer: health, operations, plain HTTP, and the certificate that was announced.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::room::{Room, wait_for};
use crate::visitor::plainly;

/// Headers that every answer carries, refusals too.
const ALWAYS: [&str; 4] = [
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
];

#[test]
fn health_answers_as_soon_as_the_endpoints_are_known() {
    let mut room = Room::up();
    room.signal(Signal::TERM);
    room.start();
    let health = room.stranger().get("/health");
    assert_eq!(health.status, 200, "{health:?}");
    assert_eq!(health.json(), json!({ "status": "healthy" }));
    for name in ALWAYS {
        assert!(
            health.header(name).is_some(),
            "{name} is missing: {}",
            health.head
        );
    }
}

#[test]
fn operations_answer_to_no_name_but_those_of_loopback() {
    let room = Room::up();
    let ops = room.endpoint("ops");
    let address = ops.strip_prefix("http://").unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let status = |host: &str, path: &str| {
        plainly(address, &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")).status
    };
    // A name of an attacker's own that leads here, as a browser on this machine would bring it.
    for path in ["/metrics", "/readyz", "/livez"] {
        assert_eq!(status(&format!("rebound.example:{port}"), path), 421, "{path}");
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
        assert_eq!(status(&host, "/metrics"), 200, "{host}");
    }
}

#[test]
fn a_person_asks_for_few_sensitive_things_a_minute_and_for_much_else() {
    let room = Room::with_alice();
    let alice = room.stranger().with_token(&room.token_of("alice"));
    let path = "/api/users/0198c0de-0000-7000-8000-000000000000/disable";
    for _ in 0..10 {
        assert_eq!(alice.post(path, &json!({})).status, 404);
    }
    let refused = alice.post(path, &json!({}));
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (429, &json!("/problems/rate-limited"))
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(alice.get("/api/servers").status, 200);
    // The machine's owner is not counted.
    for number in 0..11 {
        room.done(&format!("token create --for alice --name t{number} --expires 1d"));
    }
}

#[test]
fn operations_tell_of_life_readiness_and_numbers() {
    let room = Room::up();
    let ops = room.endpoint("ops");
    let address = ops.strip_prefix("http://").unwrap();
    let get = |path: &str| {
        plainly(
            address,
            &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"),
        )
    };
    assert_eq!(
        (get("/livez").status, get("/livez").body.as_str()),
        (200, "alive\n")
    );
    let ready = wait_for("every part is ready", || {
        let ready = get("/readyz");
        (ready.status == 200).then_some(ready)
    });
    let parts = ready.json()["parts"].clone();
    let names: Vec<_> = parts
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["name"])
        .collect();
    assert_eq!(names, ["database", "link", "limits", "node"]);
    let metrics = get("/metrics");
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(
        metrics.body.contains("watchroom_nodes{status=\"online\"} 1"),
        "{}",
        metrics.body
    );
    assert_eq!(get("/api/nodes").status, 404);
}

#[test]
fn plain_http_on_the_panel_port_is_sent_to_https_and_loses_its_cookie() {
    let room = Room::up();
    let panel = room.endpoint("panel");
    let address = panel.strip_prefix("https://").unwrap();
    let moved = plainly(
        address,
        &format!("GET /servers?x=1 HTTP/1.1\r\nhost: {address}\r\ncookie: a=b\r\n\r\n"),
    );
    assert_eq!(moved.status, 301, "{moved:?}");
    assert_eq!(moved.header("location"), Some(&*format!("{panel}/servers?x=1")));
    let post = format!("POST /login HTTP/1.1\r\nhost: {address}\r\ncontent-length: 3\r\n\r\na=b");
    let refused = plainly(address, &post);
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.json()["type"], "/problems/https-required");
    // A program that is sent on would show its token in the clear each time.
    let program = plainly(
        address,
        &format!("GET /api/servers HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer x\r\n\r\n"),
    );
    assert_eq!((program.status, program.header("location")), (400, None));
    // So is a description that anybody may read: what is below /api/ is for programs.
    let described = plainly(
        address,
        &format!("GET /api/openapi.json HTTP/1.1\r\nhost: {address}\r\n\r\n"),
    );
    assert_eq!((described.status, described.header("location")), (400, None));
    for answer in [moved, refused, program] {
        for name in ALWAYS {
            assert!(
                answer.header(name).is_some(),
                "{name} is missing: {}",
                answer.head
            );
        }
    }
}

#[test]
fn the_certificate_that_was_announced_is_the_one_that_is_shown() {
    let room = Room::up();
    let shown = room.stranger().certificate();
    assert!(
        room.said().contains(&format!("Certificate SHA-256:  {shown}")),
        "{}",
        room.said()
    );
    let report = room.json("tls info");
    assert_eq!(report["fingerprint_sha256"], shown.as_str());
    room.done("tls verify");
    let again = room.json("tls generate --key ecdsa-p256");
    assert_ne!(again["fingerprint_sha256"], report["fingerprint_sha256"]);
    room.done("tls verify");
}

#[test]
fn the_program_tells_about_itself() {
    let room = Room::up();
    assert_eq!(room.json("version")["version"], env!("CARGO_PKG_VERSION"));
    for shell in ["bash", "fish", "zsh"] {
        assert!(room.done(&format!("completions {shell}")).contains("watchroom"));
    }
    let document: serde_json::Value = serde_json::from_str(&room.done("openapi")).unwrap();
    assert!(document["paths"]["/api/nodes"]["get"].is_object());
    assert!(room.done("config check").contains("The configuration is fine"));
    let shown = room.json("config show --origin");
    let items = shown["items"].as_array().unwrap();
    assert!(
        items.iter().any(|item| item["key"] == "shield.limits.anonymous"),
        "{shown}"
    );
    fs::write(room.configuration(), "[cluster]\nlate_s = 1\n").unwrap();
    assert_eq!(room.run(&["config", "check"]).code(), Some(2));
}
