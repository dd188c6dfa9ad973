//! Stories of the client against a real HTTP server on a Unix socket.

use serde_json::json;
use watchroom_kit::{Ambient, Fault, FaultKind};

use super::room::{Room, Turn};
use super::*;
use crate::failure::Failure;

#[tokio::test]
async fn a_list_is_read_over_all_its_pages_with_queries_escaped() {
    let room = Room::open(vec![
        Turn::Answer(200, json!({"items": [1, 2], "next_cursor": "a b&c"})),
        Turn::Answer(200, json!({"items": [3], "next_cursor": null})),
    ])
    .await;
    let query = [("node", "ätt ic".to_owned()), ("name", String::new())];
    let list = room
        .client()
        .list("/api/servers", &query, usize::MAX)
        .await
        .unwrap();
    assert_eq!(list, json!({"items": [1, 2, 3], "next_cursor": null}));
    let lines: Vec<_> = room.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            "GET /api/servers?node=%C3%A4tt%20ic&limit=500",
            "GET /api/servers?node=%C3%A4tt%20ic&limit=500&cursor=a%20b%26c",
        ]
    );
}

#[tokio::test]
async fn a_list_stops_at_the_number_asked_for_and_says_that_there_is_more() {
    let room = Room::open(vec![Turn::Answer(
        200,
        json!({"items": [1, 2], "next_cursor": "c"}),
    )])
    .await;
    let list = room.client().list("/api/audit", &[], 2).await.unwrap();
    assert_eq!(list, json!({"items": [1, 2], "next_cursor": "c"}));
    assert_eq!(room.asked()[0].line, "GET /api/audit?limit=2");
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_given_again_under_the_same_key() {
    let room = Room::open(vec![Turn::HangUp, Turn::Answer(201, json!({"id": 7}))]).await;
    let answer = room
        .client()
        .order("/api/servers", &json!({"name": "echo"}))
        .await
        .unwrap();
    assert_eq!(answer, json!({"id": 7}));
    let asked = room.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].key.is_some());
    assert_eq!(asked[0].key, asked[1].key);
    assert_eq!(asked[1].body, json!({"name": "echo"}));
}

#[tokio::test]
async fn what_has_no_key_is_not_repeated_when_its_answer_was_lost() {
    let room = Room::open(vec![Turn::HangUp, Turn::HangUp]).await;
    let error = room.client().delete("/api/servers/x").await.unwrap_err();
    assert!(matches!(error, CallError::Lost { .. }), "{error:?}");
    assert_eq!(Failure::from(error).exit_code(), 4);
    room.client().post("/api/users", &json!({})).await.unwrap_err();
    assert_eq!(room.asked().len(), 2);
}

#[tokio::test]
async fn a_refusal_tells_cause_fields_and_request_id() {
    let problem = json!({
        "type": "/problems/invalid", "title": "Invalid", "status": 400, "detail": "the name is taken",
        "request_id": "0199", "errors": [{"field": "name", "code": "taken", "message": "choose another"}],
    });
    let room = Room::open(vec![Turn::Answer(400, problem)]).await;
    let error = room.client().post("/api/users", &json!({})).await.unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.exit_code(), 2);
    insta::assert_snapshot!(failure.render(false), @r"
    error: the name is taken
      name: choose another
      request id: 0199
    ");
}

#[tokio::test]
async fn exit_codes_follow_the_status() {
    for (status, code) in [
        (400, 2),
        (413, 2),
        (401, 3),
        (403, 3),
        (423, 3),
        (429, 3),
        (404, 1),
        (409, 1),
        (500, 1),
        (502, 4),
        (503, 4),
        (504, 4),
    ] {
        let room = Room::open(vec![Turn::Answer(status, json!("no problem document"))]).await;
        let error = room.client().delete("/api/x").await.unwrap_err();
        assert_eq!(Failure::from(error).exit_code(), code, "{status}");
    }
}

#[tokio::test]
async fn without_a_host_the_next_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ask = || async {
        let client = Client::new(Target::local(folder.path()).unwrap(), Ambient::system());
        client.get("/api/nodes", &[]).await.unwrap_err()
    };
    let absent = ask().await;
    assert_eq!(absent.kind(), FaultKind::Unavailable);
    assert!(
        absent.to_string().ends_with("start it with `watchroom up`"),
        "{absent}"
    );
    // A socket that a killed Host left behind says the same.
    std::fs::create_dir(folder.path().join("run")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("run/host.sock")).unwrap());
    assert!(matches!(ask().await, CallError::NoHost { .. }));
}

#[tokio::test]
async fn what_is_no_host_is_refused_by_name() {
    let token = || Some(watchroom_kit::SecretString::from("t"));
    let environment = crate::environment::Environment::default();
    for url in [
        "http://host",
        "host:7443",
        "https://",
        "https://host/path",
        "https://ho st",
    ] {
        let target = Target::remote(url, token(), None, &environment);
        assert!(matches!(target, Err(TargetError::Url { .. })), "{url}");
    }
    assert!(matches!(
        Target::remote("https://host", None, None, &environment),
        Err(TargetError::NoToken)
    ));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "nothing").unwrap();
    let target = Target::remote("https://host", token(), Some(&file), &environment);
    assert!(matches!(target, Err(TargetError::Unreadable { .. })));
}

/// A Host over TLS with a certificate of its own: its address, its CA, and the `Authorization` it was shown.
async fn tls_host(folder: &std::path::Path, ambient: &Ambient) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    let names = watchroom_trust::LocalNames::loopback();
    let settings = watchroom_trust::PanelSettings::new(watchroom_trust::PanelKeyKind::EcdsaP256, names);
    let (certificate, _) =
        watchroom_trust::PanelCertificate::open_or_make(folder, settings, ambient).unwrap();
    let config = watchroom_trust::panel_server_config(
        &certificate,
        watchroom_trust::OldestTls::Tls13,
        &ambient.clock,
        None,
    )
    .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, shown) = tokio::sync::mpsc::channel(4);
    ambient.tasks.spawn("tls host", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = tokio_rustls::TlsAcceptor::from(config.clone());
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| {
                let bearer = request.headers()[http::header::AUTHORIZATION]
                    .to_str()
                    .unwrap()
                    .to_owned();
                let seen = seen.clone();
                async move {
                    seen.send(bearer).await.unwrap();
                    let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{\"items\":[]}"));
                    Ok::<_, std::convert::Infallible>(http::Response::new(body))
                }
            });
            let stream = hyper_util::rt::TokioIo::new(stream);
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(stream, service)
                    .await,
            );
        }
    });
    (port, shown)
}

#[tokio::test]
async fn over_tls_the_token_is_shown_to_the_trusted_host_and_to_nobody_else() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ambient = Ambient::system();
    let environment = crate::environment::Environment::default();
    let (port, mut shown) = tls_host(&ours.path().join("state"), &ambient).await;
    drop(tls_host(&other.path().join("state"), &ambient).await);
    let client = |folder: &tempfile::TempDir| {
        let token = Some(watchroom_kit::SecretString::from("wr_pat_x"));
        let ca = folder.path().join("state/keys/panel-ca.crt");
        let target = Target::remote(
            &format!("https://127.0.0.1:{port}"),
            token,
            Some(&ca),
            &environment,
        );
        Client::new(target.unwrap(), ambient.clone())
    };
    let refused = client(&other).get("/api/nodes", &[]).await.unwrap_err();
    assert!(matches!(refused, CallError::Untrusted { .. }), "{refused:?}");
    assert!(shown.try_recv().is_err());
    assert_eq!(
        client(&ours).get("/api/nodes", &[]).await.unwrap(),
        json!({"items": []})
    );
    assert_eq!(shown.recv().await.unwrap(), "Bearer wr_pat_x");
    ambient.tasks.stop();
}
