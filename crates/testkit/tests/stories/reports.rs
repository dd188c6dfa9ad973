//! What browsers report of pages: taken from anybody, believed of nobody, bounded, and shown to those who see settings.

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use watchroom_kit::Ambient;
use watchroom_shield::Window;
use watchroom_testkit::{Answer, TestRoom, Visitor, program};

async fn report(visitor: &Visitor, kind: &str, body: impl Into<Body>) -> Answer {
    let request = visitor
        .request(Method::POST, "/csp-report")
        .header(CONTENT_TYPE, kind);
    visitor.send(request.body(body.into()).expect("a request")).await
}

fn violation(page: &str) -> Value {
    json!({ "csp-report": {
        "document-uri": format!("https://localhost{page}"), "violated-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/x.js?' or '1'='1", "script-sample": "<script>alert(1)</script>",
    } })
}

const SINGLE: &str = "application/csp-report";

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_taken_from_anybody_and_shown_without_what_it_quotes() {
    let room = TestRoom::open(program!()).await;
    let (stranger, ada) = (room.stranger(), room.signed_in("ada", "admin").await);
    for _ in 0..2 {
        let answer = report(&stranger, SINGLE, violation("/servers?token=1").to_string()).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        answer.assert_dressed();
    }
    let batch = json!([{ "type": "csp-violation", "body": {
        "documentURL": "https://localhost/nodes", "effectiveDirective": "img-src", "blockedURL": "inline" } }]);
    let taken = report(
        &stranger,
        "application/reports+json; charset=utf-8",
        batch.to_string(),
    )
    .await;
    assert_eq!(taken.status, 204, "{}", taken.text());

    let list = ada.get("/api/security/violations").await.json();
    let told: Vec<_> = list["items"].as_array().expect("items").iter().collect();
    assert_eq!(told.len(), 2, "{list}");
    let seen = |page: &str| told.iter().find(|item| item["page"] == page).expect("the page");
    let servers = seen("/servers");
    assert_eq!(
        (&servers["directive"], &servers["blocked"], &servers["count"]),
        (
            &json!("script-src-elem"),
            &json!("https://evil.example"),
            &json!(2)
        )
    );
    assert_eq!(seen("/nodes")["blocked"], "inline");
    let page = ada.look("/security").await.text();
    assert!(page.contains("https://evil.example</code>"), "{page}");
    for quoted in ["token=1", "alert(1)", "x.js"] {
        assert!(
            !page.contains(quoted) && !list.to_string().contains(quoted),
            "{quoted}"
        );
    }
    // Nobody was taken for an attacker because of what a report quotes.
    let findings = ada.get("/api/security/findings").await.json();
    assert_eq!(findings["items"], json!([]));
    let vera = room.signed_in("vera", "viewer").await;
    assert_eq!(vera.get("/api/security/violations").await.status, 403);
    assert!(!vera.look("/security").await.text().contains("evil.example"));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_report_is_refused_and_too_many_are() {
    let few = |config: &mut watchroom::config::Config| {
        config.shield.limits.reports = vec![Window::per_minute(8)];
    };
    let room = TestRoom::with(program!(), Ambient::system(), few).await;
    let stranger = room.stranger();
    for (kind, body) in [
        ("application/json", violation("/").to_string()),
        (SINGLE, "{".to_owned()),
        (SINGLE, "[]".to_owned()),
        (SINGLE, json!({ "csp-report": 1 }).to_string()),
        ("application/reports+json", json!([null]).to_string()),
    ] {
        report(&stranger, kind, body).await.problem(400, "invalid-input");
    }
    report(&stranger, SINGLE, "x".repeat(40 * 1024))
        .await
        .problem(413, "body-too-large");
    for _ in 0..2 {
        assert_eq!(
            report(&stranger, SINGLE, violation("/").to_string()).await.status,
            204
        );
    }
    // A cookie that is worth nothing buys no more of them.
    let presents = stranger.request(Method::POST, "/csp-report");
    let presents = presents
        .header(CONTENT_TYPE, SINGLE)
        .header("cookie", "__Host-watchroom_session=x");
    let presents = presents
        .body(Body::from(violation("/").to_string()))
        .expect("a request");
    stranger.send(presents).await.problem(429, "rate-limited");
    // They are counted apart: whoever sends too many may still look around.
    assert_eq!(stranger.look("/setup").await.status, 200);
    room.close().await;
}

#[test]
fn a_route_that_is_not_inspected_says_why_and_there_are_no_others() {
    let api = watchroom_api::routes();
    let of_panel = watchroom_panel::routes();
    let api = api.iter().map(|route| (route.path, route.uninspected));
    let all = api.chain(of_panel.iter().map(|route| (route.path, route.uninspected)));
    let exempt: Vec<_> = all.filter_map(|(path, reason)| Some((path, reason?))).collect();
    // Each stands in docs/inspection.md with its reason; the list may only shrink.
    assert_eq!(
        exempt,
        [(
            "/csp-report",
            "a report quotes what the browser kept out, which is an attack's own text"
        )]
    );
    let document = serde_json::to_value(watchroom_api::document()).expect("a document");
    let operation = &document["paths"]["/csp-report"]["post"];
    assert_eq!(operation["x-uninspected"], exempt[0].1);
    assert!(
        operation["description"]
            .as_str()
            .is_some_and(|text| text.contains(exempt[0].1))
    );
    let kinds = operation["requestBody"]["content"].as_object().expect("kinds");
    assert!(kinds.contains_key(SINGLE) && kinds.contains_key("application/reports+json"));
}
