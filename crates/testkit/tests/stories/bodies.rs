//! Bodies that cannot be read: too large, no JSON, or of another shape; each is told where.

use axum::body::Body;
use http::Method;
use http::header::{CONTENT_TYPE, COOKIE};
use serde_json::json;
use watchroom_testkit::{Answer, TestRoom, Visitor, program};

use super::bad_input::{new, servers};

async fn send_raw(visitor: &Visitor, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
    let request = visitor.request(Method::POST, path).header(CONTENT_TYPE, kind);
    visitor.send(request.body(body.into()).expect("a request")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused_by_name() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let body = "x".repeat(2 << 20);
    send_raw(&olga, "/api/servers", "application/json", body)
        .await
        .problem(413, "body-too-large");
    let request = olga
        .request(Method::GET, "/api/servers")
        .header("x-long", "x".repeat(32 * 1024));
    olga.send(request.body(Body::empty()).expect("a request"))
        .await
        .problem(431, "headers-too-large");
    olga.get(&format!("/api/servers?name={}", "x".repeat(9 * 1024)))
        .await
        .problem(414, "uri-too-long");
    let page = olga
        .look(&format!("/servers?name={}", "x".repeat(9 * 1024)))
        .await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (414, "text/html; charset=utf-8")
    );
    page.assert_dressed();
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_nobody_known_may_say_less_whatever_they_show() {
    let room = TestRoom::open(program!()).await;
    let (olga, nobody) = (room.operator("olga").await, room.stranger());
    let json = "application/json";
    let large = json!({ "name": "web", "command": ["/bin/true"], "x": "x".repeat(64 << 10) }).to_string();
    send_raw(&olga, "/api/servers", json, large.clone())
        .await
        .fault(400, "invalid-input", "x");
    send_raw(&nobody, "/api/servers", json, large.clone())
        .await
        .problem(413, "body-too-large");
    let made_up = format!("__Host-watchroom_session={}", "x".repeat(43));
    let request = nobody
        .request(Method::POST, "/api/servers")
        .header(CONTENT_TYPE, json)
        .header(COOKIE, made_up);
    nobody
        .send(request.body(Body::from(large)).expect("a request"))
        .await
        .problem(413, "body-too-large");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_told_where() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let json = "application/json";
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        send_raw(&olga, "/api/servers", kind, new("web").to_string())
            .await
            .problem(400, "invalid-input");
    }
    for (body, field) in [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        ("{\"name\":\"web\",\"command\":[\"true\"]} trailing", ""),
        ("{\"name\":7,\"command\":[\"true\"]}", "name"),
        ("{\"name\":\"web\",\"command\":\"true\"}", "command"),
        ("{\"name\":\"web\",\"command\":[\"true\",7]}", "command[1]"),
        ("{\"name\":\"no spaces\",\"command\":[\"true\"]}", "name"),
        (
            "{\"name\":\"web\",\"command\":[\"true\"],\"comand\":[]}",
            "comand",
        ),
        (
            "{\"name\":\"web\",\"command\":[\"true\"],\"limits\":{\"memory\":1}}",
            "limits.memory",
        ),
        (
            "{\"name\":\"web\",\"command\":[\"true\"],\"limits\":{\"cpu_percent\":-1}}",
            "limits.cpu_percent",
        ),
        (
            "{\"name\":\"web\",\"command\":[\"true\"],\"restart_policy\":\"sometimes\"}",
            "restart_policy",
        ),
        ("{\"name\":\"\u{202e}web\",\"command\":[\"true\"]}", "name"),
    ] {
        let answer = send_raw(&olga, "/api/servers", json, body.to_owned()).await;
        answer.fault(400, "invalid-input", field);
    }
    // Members in their order, without names: where none is needed, that would be taken.
    let ada = room.admin("ada").await;
    send_raw(&ada, "/api/cluster/tokens", json, " [null, null]")
        .await
        .fault(400, "invalid-input", "");
    send_raw(&olga, "/api/servers", json, vec![0xff, 0xfe, 0x00])
        .await
        .problem(400, "invalid-input");
    assert!(servers(&olga).await.is_empty());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_no_json_is_told_by_where_it_breaks() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    for (body, field, message) in [
        ("", "", "the JSON text ends too early; send all of it"),
        (
            "{\"name\":\"we",
            "name",
            "the JSON text ends too early; send all of it",
        ),
        (
            "{\n\"name\": oops}",
            "name",
            "no JSON at line 2, column 9: expected value",
        ),
        (
            "{\"name\":\"web\",}",
            "",
            "no JSON at line 1, column 15: trailing comma",
        ),
    ] {
        let answer = send_raw(&olga, "/api/servers", "application/json", body.to_owned()).await;
        let problem = answer.problem(400, "invalid-input");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
        assert_eq!(problem["errors"][0]["message"], message, "{body}");
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_may_be_said_twice() {
    let room = TestRoom::open(program!()).await;
    let olga = room.signed_in("olga", "operator").await;
    for (body, field) in [
        (r#"{"name":"web","name":"other","command":["true"]}"#, "name"),
        (
            r#"{"name":"web","command":["true"],"env":{"A":"1","A":"2"}}"#,
            "A",
        ),
        (
            r#"{"name":"web","command":["true"],"env":{"A":"1","\u0041":"2"}}"#,
            "A",
        ),
        (
            r#"{"name":"web","command":["true"],"labels":{"a":"1","b":"2","a":"3"}}"#,
            "a",
        ),
    ] {
        let answer = send_raw(&olga, "/api/servers", "application/json", body).await;
        let problem = answer.problem(400, "invalid-input");
        assert!(
            problem["errors"][0].to_string().contains(field),
            "{body}: {problem}"
        );
    }
    for query in [
        "limit=1&limit=2",
        "name=a&limit=1&name=b",
        "status=running&%73tatus=stopped",
    ] {
        olga.get(&format!("/api/servers?{query}"))
            .await
            .problem(400, "invalid-input");
    }
    let twice = [("name", "web"), ("command", "/bin/true"), ("name", "other")];
    assert_eq!(olga.submit("/servers/new", &twice).await.status, 400);
    let with_token = olga.csrf().expect("a token").to_owned();
    let tokens = [("csrf_token", with_token.as_str()), ("csrf_token", "other")];
    assert_eq!(olga.submit("/logout", &tokens).await.status, 400);
    assert!(servers(&olga).await.is_empty());
    room.close().await;
}
