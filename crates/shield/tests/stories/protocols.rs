//! TLS and plain, HTTP/1 and HTTP/2, proxies, sockets and whatever else comes to the door.

use std::convert::Infallible;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tower::ServiceExt;
use watchroom_kit::Tasks;
use watchroom_shield::{Config, Peer, ShieldLayer, serve_local, serve_loopback};

use super::room::{OTHER, Room, application, hear, line, say, shield, slug, status};

#[tokio::test]
async fn plain_http_is_sent_to_tls_or_told() {
    let room = Room::open(Config::default()).await;
    let read = "GET /nodes?page=2 HTTP/1.1\r\nHost: panel.example:7443\r\nConnection: close\r\n\r\n";
    let answer = say(room.tcp().await, read).await;
    assert_eq!(status(&answer), 301);
    assert_eq!(
        line(&answer, "location"),
        Some("https://panel.example:7443/nodes?page=2")
    );
    let write =
        "POST /echo HTTP/1.1\r\nHost: panel.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    let answer = say(room.tcp().await, write).await;
    assert_eq!((status(&answer), slug(&answer).as_str()), (400, "https-required"));
    let program = "GET /stream HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n";
    let answer = say(room.tcp().await, program).await;
    assert_eq!((status(&answer), slug(&answer).as_str()), (400, "https-required"));
    let elsewhere = "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&say(room.tcp().await, elsewhere).await), 421);
}

#[tokio::test]
async fn cookies_count_only_over_tls() {
    let cookie = "Cookie: a=b\r\n";
    let room = Room::open(Config::default()).await;
    assert!(room.get_with("/seen", cookie).await.contains("\"cookie\":true"));
    let plain = Room::open_plain(Config::default()).await;
    let request = format!("GET /seen HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n{cookie}\r\n");
    assert!(say(plain.tcp().await, request).await.contains("\"cookie\":false"));
}

#[tokio::test]
async fn on_loopback_cookies_count_too_unless_a_proxy_passed_them_on() {
    let room = Room::open_loopback(Config::default()).await;
    let seen = async |lines: &str| {
        let request = format!(
            "GET /seen HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: a=b\r\n{lines}\r\n"
        );
        say(room.tcp().await, request).await
    };
    assert!(seen("").await.contains("\"cookie\":true"));
    // Who stands behind a proxy is not on this machine, and no name of loopback is theirs.
    assert_eq!(status(&seen("X-Forwarded-For: 203.0.113.9\r\n").await), 421);
}

#[tokio::test]
async fn what_is_meant_for_loopback_is_not_served_elsewhere() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (shield, _) = shield(Config::default());
    let served = serve_loopback(listener, shield.clone(), application(shield), &Tasks::new());
    assert!(served.is_err());
}

#[tokio::test]
async fn only_our_hosts_are_answered_except_for_health() {
    let room = Room::open(Config::default()).await;
    let ask = async |target: &str, lines: &str| {
        status(
            &room
                .say(format!(
                    "GET {target} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"
                ))
                .await,
        )
    };
    assert_eq!(ask("/", "Host: PANEL.example:1\r\n").await, 200);
    assert_eq!(ask("/", "Host: localhost\r\n").await, 200);
    assert_eq!(ask("/", "Host: evil.example\r\n").await, 421);
    assert_eq!(ask("/", "").await, 400);
    assert_eq!(
        ask("/", "Host: panel.example\r\nHost: panel.example\r\n").await,
        400
    );
    assert_eq!(
        ask("https://panel.example/", "Host: panel.example\r\n").await,
        200
    );
    assert_eq!(ask("https://evil.example/", "Host: panel.example\r\n").await, 400);
    assert_eq!(ask("/health", "Host: evil.example\r\n").await, 200);
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_and_a_stranger_is_not() {
    let forwarded = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: panel.example\r\nCookie: a=b\r\n";
    let request = format!("GET /seen HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n{forwarded}\r\n");
    let trusting = Config {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Config::default()
    };
    let room = Room::open(trusting).await;
    let answer = say(room.tcp().await, &request).await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    insta::assert_snapshot!(
        body,
        @r#"{"client":"1.2.3.4","cookie":true,"host":"panel.example","https":true,"loopback":false,"sent_id":null,"uid":null}"#
    );
    let room = Room::open(Config::default()).await;
    assert_eq!(status(&say(room.tcp().await, &request).await), 421);
}

#[tokio::test]
async fn http2_goes_through_the_same_checks() {
    let room = Room::open(Config::default()).await;
    let stream = TokioIo::new(room.tls(&[b"h2", b"http/1.1"]).await);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<&[u8]>>(TokioExecutor::new(), stream)
            .await
            .unwrap();
    room.tasks.spawn("client", async move { drop(connection.await) });
    let request = |target: &str| Request::builder().uri(target).body(Empty::new()).unwrap();
    let answer = send
        .send_request(request("https://panel.example/seen"))
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
    let seen = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&seen).contains("\"host\":\"panel.example\""));
    let wrong = send.send_request(request("https://evil.example/")).await.unwrap();
    assert_eq!(wrong.status(), StatusCode::MISDIRECTED_REQUEST);
    let mut long = request("https://panel.example/");
    long.headers_mut()
        .insert("x", "x".repeat(32 * 1024).parse().unwrap());
    let refused = send.send_request(long).await.unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(refused.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn what_is_not_http_is_handed_off_by_its_protocol_name() {
    let room = Room::open(Config::default()).await;
    assert_eq!(hear(room.tls(&[OTHER]).await).await, "not http, 127.0.0.1");
    assert!(room.get("/").await.ends_with("hello"));
}

#[tokio::test]
async fn the_unix_socket_says_who_is_there_and_is_never_limited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut config = Config::default();
    config.limits.anonymous = vec![watchroom_shield::Window::per_minute(1)];
    let (shield, _clock) = shield(config);
    let tasks = Tasks::new();
    let listener = UnixListener::bind(&path).unwrap();
    tasks.spawn_graceful(
        "socket",
        serve_local(listener, shield.clone(), application(shield), tasks.clone()),
    );
    for _ in 0..5 {
        let request = "GET /seen HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n";
        let answer = say(UnixStream::connect(&path).await.unwrap(), request).await;
        assert_eq!(status(&answer), 200);
        assert!(
            answer.contains("\"loopback\":true") && !answer.contains("\"uid\":null"),
            "{answer}"
        );
    }
    assert!(tasks.shutdown(super::room::PATIENCE).await);
}

#[tokio::test]
async fn the_layer_protects_a_router_that_keeps_its_own_listener() {
    let (shield, _clock) = shield(Config::default());
    let router = application(shield.clone()).layer(ShieldLayer::new(shield));
    let ask = async |host: &str| {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri("/")
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        request
            .extensions_mut()
            .insert(Peer::tls("198.51.100.7:1".parse().unwrap(), false));
        let answered: Result<_, Infallible> = router.clone().oneshot(request).await;
        answered.unwrap()
    };
    let answer = ask("panel.example").await;
    assert_eq!(
        (answer.status(), &answer.headers()["x-frame-options"]),
        (StatusCode::OK, &"DENY".parse().unwrap())
    );
    assert_eq!(
        ask("evil.example").await.status(),
        StatusCode::MISDIRECTED_REQUEST
    );
}
