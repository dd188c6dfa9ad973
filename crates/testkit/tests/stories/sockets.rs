//! WebSockets: who may open one and by what, what is heard over it, and what ends it.

use http::header::{
    AUTHORIZATION, HeaderName, ORIGIN, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use serde_json::{Value, json};
use watchroom_testkit::{Heard, PASSWORD, Socket, TestRoom, Visitor, program};

const PATH: &str = "/api/ws";

/// How everybody is told that is not let in.
fn refused() -> Heard {
    Heard::Closed(1008, "refused".to_owned())
}

fn subscribe(topics: &[&str], after: Option<&Value>) -> Value {
    json!({ "do": "subscribe", "topics": topics, "after": after })
}

async fn opened(visitor: &Visitor, path: &str, headers: &[(HeaderName, &str)]) -> Socket {
    let opened = visitor.socket(path, headers).await;
    opened.unwrap_or_else(|answer| panic!("{}: {}", answer.status, answer.text()))
}

/// What is heard first.
async fn first(visitor: &Visitor, path: &str, headers: &[(HeaderName, &str)]) -> Heard {
    opened(visitor, path, headers).await.hear().await
}

async fn is_let_in(visitor: &Visitor, path: &str, headers: &[(HeaderName, &str)]) -> bool {
    match first(visitor, path, headers).await {
        Heard::Message(hello) => {
            assert_eq!(hello["event"], "hello", "{hello}");
            true
        }
        other => {
            assert_eq!(other, refused());
            false
        }
    }
}

async fn ticket(visitor: &Visitor) -> String {
    let answer = visitor.post("/api/ws/ticket", json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["ticket"].as_str().expect("a ticket").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_showing_who_one_is_opens_a_socket_and_nothing_else_does() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let stranger = room.stranger();
    let own = format!("https://{}", stranger.authority());

    let mut by_cookie = vera.page_socket().await;
    assert_eq!(by_cookie.message().await["event"], "hello");
    let me = vera.get("/api/auth/me").await.json();
    let token = room
        .token(
            me["user_id"].as_str().expect("an id").parse().expect("an id"),
            false,
        )
        .await;
    let asked = json!({ "username": "vera", "password": PASSWORD });
    let granted = stranger.post("/api/auth/token", asked).await.json();
    let access = granted["access_token"].as_str().expect("a token");
    for token in [token.as_str(), access] {
        let offered = format!("watchroom.v1, bearer.{token}");
        let mut socket = opened(&stranger, PATH, &[(SEC_WEBSOCKET_PROTOCOL, &offered)]).await;
        let chosen: Vec<_> = socket.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().collect();
        assert_eq!(chosen, ["watchroom.v1"], "no token comes back");
        assert_eq!(socket.message().await["event"], "hello");
        let shown = format!("Bearer {token}");
        assert!(is_let_in(&stranger, PATH, &[(AUTHORIZATION, &shown)]).await);
    }
    let by_ticket = format!("{PATH}?ticket={}", ticket(&vera).await);
    assert!(is_let_in(&stranger, &by_ticket, &[]).await);
    assert!(!is_let_in(&stranger, &by_ticket, &[]).await, "it was good once");
    assert!(
        !is_let_in(&vera, &by_ticket, &[(ORIGIN, &own)]).await,
        "a cookie makes up for no ticket"
    );

    assert!(!is_let_in(&stranger, PATH, &[]).await);
    for wrong in ["wr_pat_nonsense", "a.b.c", ""] {
        let offered = format!("watchroom.v1, bearer.{wrong}");
        assert!(
            !is_let_in(&stranger, PATH, &[(SEC_WEBSOCKET_PROTOCOL, &offered)]).await,
            "{wrong}"
        );
        let with_cookie = [(SEC_WEBSOCKET_PROTOCOL, offered.as_str()), (ORIGIN, &own)];
        assert!(
            !is_let_in(&vera, PATH, &with_cookie).await,
            "a cookie makes up for no token"
        );
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_elses_opens_no_socket_whatever_it_shows() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let own = format!("https://{}", vera.authority());
    let site = HeaderName::from_static("sec-fetch-site");
    let mode = HeaderName::from_static("sec-fetch-mode");
    assert!(is_let_in(&vera, PATH, &[(ORIGIN, &own)]).await);
    assert!(is_let_in(&vera, PATH, &[(site.clone(), "same-origin")]).await);
    assert!(
        !is_let_in(&vera, PATH, &[]).await,
        "every browser says from where"
    );
    for foreign in [
        "https://evil.example",
        "null",
        &own.replace("https", "http"),
        &format!("{own}1"),
    ] {
        assert!(!is_let_in(&vera, PATH, &[(ORIGIN, foreign)]).await, "{foreign}");
        let path = format!("{PATH}?ticket={}", ticket(&vera).await);
        assert!(
            !is_let_in(&room.stranger(), &path, &[(ORIGIN, foreign)]).await,
            "{foreign}"
        );
    }
    for foreign in ["cross-site", "same-site", "none"] {
        assert!(!is_let_in(&vera, PATH, &[(site.clone(), foreign), (ORIGIN, &own)]).await);
        let followed = [(site.clone(), foreign), (mode.clone(), "navigate")];
        assert!(
            !is_let_in(&vera, PATH, &followed).await,
            "nobody navigates to a socket"
        );
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_handshake_is_told_how_to_ask() {
    let room = TestRoom::open(program!()).await;
    let vera = room.viewer("vera").await;
    let plain = vera.get(PATH).await;
    plain.problem(426, "websocket-required");
    plain.assert_dressed();
    assert_eq!(
        (plain.header("upgrade"), plain.header("sec-websocket-version")),
        ("websocket", "13")
    );
    for (name, value) in [
        (SEC_WEBSOCKET_VERSION, "8"),
        (SEC_WEBSOCKET_PROTOCOL, "chat"),
        (UPGRADE, "h2c"),
    ] {
        let answer = vera.socket(PATH, &[(name, value)]).await.expect_err("no socket");
        answer.problem(426, "websocket-required");
    }
    room.stranger().get(PATH).await.problem(401, "not-signed-in");
    // A stream is none, whatever it is asked for.
    let stream = vera.socket("/api/servers", &[]).await.expect_err("no socket");
    assert_eq!(stream.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_topic_is_for_who_may_ask_for_the_thing_itself() {
    let room = TestRoom::open(program!()).await;
    let ada = room.signed_in("ada", "admin").await;
    let mia = room.signed_in("mia", "member").await;
    let (web, other) = (
        room.server(&ada, "web", "true").await,
        room.server(&ada, "other", "true").await,
    );
    let (one, two) = (format!("server:{web}"), format!("server:{other}"));
    let missing = "server:0198c0de-0000-7000-8000-000000000000";

    let mut hers = mia.page_socket().await;
    hers.message().await;
    hers.say(&subscribe(&["server", &one, missing, "audit", "nonsense"], None))
        .await;
    let slugs = [
        "permission-missing",
        "not-found",
        "not-found",
        "permission-missing",
        "not-found",
    ];
    let mut told = Vec::new();
    for slug in slugs {
        let mut refused = hers.message().await;
        assert_eq!(refused["event"], "refused", "{refused}");
        assert_eq!(refused["data"]["type"], format!("/problems/{slug}"), "{refused}");
        refused["data"]["topic"].take();
        told.push(refused);
    }
    assert_eq!(
        told[1], told[2],
        "of what she may not see she hears what she would of nothing"
    );
    assert_eq!(
        hers.message().await["data"],
        json!({ "topics": [], "recovered": false })
    );

    let mut his = ada.page_socket().await;
    let hello = his.message().await;
    his.say(&subscribe(&[&one], None)).await;
    assert_eq!(his.message().await["data"]["topics"], json!([one]));
    for id in [&other, &web] {
        assert_eq!(
            ada.post(&format!("/api/servers/{id}/start"), json!({}))
                .await
                .status,
            200
        );
    }
    let event = his.message().await;
    assert_eq!(
        (&event["event"], &event["data"]["id"]),
        (&json!("server"), &json!(web))
    );
    // What happened to the other one since he came.
    his.say(&subscribe(&[&two], Some(&hello["id"]))).await;
    let (mut recovered, mut others) = (false, 0);
    while !(recovered && others > 0) {
        let message = his.message().await;
        match message["event"].as_str() {
            Some("subscribed") => recovered = message["data"]["recovered"] == true,
            Some("server") if message["data"]["id"] == json!(other) => others += 1,
            Some("server") => {}
            other => panic!("{other:?}"),
        }
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_persons_sockets_are_counted_with_their_streams() {
    let room = TestRoom::open(program!()).await;
    let vera = room.viewer("vera").await;
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut socket = opened(&vera, PATH, &[]).await;
        socket.message().await;
        held.push(socket);
    }
    let more = vera.socket(PATH, &[]).await.expect_err("no more");
    more.problem(429, "too-many-viewers");
    vera.get("/api/stream").await.problem(429, "too-many-viewers");
    drop(held);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while vera.socket(PATH, &[]).await.is_err() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "their places do not come back"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_sockets_by_one_ticket_at_once_one_opens() {
    let room = TestRoom::with(program!(), watchroom_kit::Ambient::system(), |config| {
        config.shield.limits.anonymous = vec![watchroom_shield::Window::per_minute(1_000_000)];
        config.shield.limits.sign_in = vec![watchroom_shield::Window::per_minute(1_000_000)];
    })
    .await;
    let vera = room.signed_in("vera", "viewer").await;
    let path = format!("{PATH}?ticket={}", ticket(&vera).await);
    let mut let_in = 0;
    // Each on a connection of its own, as many at once as one address may have.
    for _ in 0..2 {
        let uses = (0..20).map(|_| async {
            let stranger = room.stranger();
            is_let_in(&stranger, &path, &[]).await
        });
        let uses = futures_util::future::join_all(uses).await;
        let_in += uses.into_iter().filter(|is_in| *is_in).count();
    }
    assert_eq!(let_in, 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_asks_too_often_is_answered_before_anything_is_opened() {
    let room = TestRoom::with(program!(), watchroom_kit::Ambient::system(), |config| {
        config.shield.limits.anonymous = vec![watchroom_shield::Window::per_minute(5)];
        config.shield.limits.presented = vec![watchroom_shield::Window::per_minute(8)];
    })
    .await;
    let stranger = room.stranger();
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(match stranger.socket(PATH, &[]).await {
            Ok(mut socket) => {
                assert_eq!(socket.hear().await, refused());
                101
            }
            Err(answer) => answer.status,
        });
    }
    assert_eq!(statuses[..5], [101; 5]);
    assert_eq!(statuses[5..], [429; 5]);
    room.close().await;
}
