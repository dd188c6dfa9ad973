//! Sessions: how they begin, what they may, and how fast they end.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN, USER_AGENT};
use serde_json::json;
use watchroom_testkit::{Answer, PASSWORD, TestRoom, Visitor, program};

/// Streams ask every half second whether they may go on; this leaves room for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Signs in as a program would that asks for no page.
async fn knock(room: &TestRoom, name: &str, password: &str) -> Answer {
    let mut visitor = room.stranger();
    let token = visitor.form_token("/login").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("username", name),
        ("password", password),
    ];
    let form = serde_urlencoded::to_string(fields).expect("a form");
    let request = visitor
        .request(Method::POST, "/login")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    visitor
        .send(request.body(Body::from(form)).expect("a request"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock_and_say_so_whether_or_not_the_name_exists() {
    let room = TestRoom::open(program!()).await;
    room.account("vera", "viewer").await;
    for name in ["vera", "nobody-of-that-name"] {
        for remaining in [4, 3, 2, 1, 0] {
            let problem = knock(&room, name, "wrong").await.problem(401, "sign-in-refused");
            assert_eq!(problem["remaining_attempts"], remaining, "{name}: {problem}");
            assert_eq!(
                problem["locked_until"].is_string(),
                remaining == 0,
                "{name}: {problem}"
            );
        }
        let locked = knock(&room, name, PASSWORD).await;
        assert!(
            locked.problem(423, "sign-in-locked")["locked_until"].is_string(),
            "{name}"
        );
    }
    let page = room.stranger().try_sign_in("vera", PASSWORD).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (423, "text/html; charset=utf-8")
    );
    page.assert_dressed();
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_over_a_session_ends_it() {
    let room = TestRoom::open(program!()).await;
    let first = room.signed_in("vera", "viewer").await;
    room.account("olga", "viewer").await;
    // Another page of the same browser, opened before.
    let mut page = room.stranger();
    let token = page.form_token("/login").await;
    page.share_cookies(&first);
    let fields = [
        ("csrf_token", token.as_str()),
        ("username", "olga"),
        ("password", PASSWORD),
    ];
    let answer = page.submit("/login", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    page.take_cookies(&answer);
    assert_eq!(page.get("/api/auth/me").await.json()["name"], "olga");
    assert_eq!(
        first.get("/api/auth/me").await.status,
        401,
        "nobody holds its cookie"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_answered_as_a_wrong_password() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let vera = room.account("vera", "viewer").await;
    assert_eq!(
        ada.post(&format!("/api/users/{vera}/disable"), json!({}))
            .await
            .status,
        200
    );
    knock(&room, "vera", PASSWORD)
        .await
        .problem(401, "sign-in-refused");
    room.close().await;
}

/// Listens until the stream ends, while something else is done to it; what was heard.
async fn heard_until<F: Future<Output = ()>>(visitor: &Visitor, done: F) -> String {
    let listening = tokio::time::timeout(AT_ONCE * 3, visitor.listen("/api/stream", None, |_| false));
    let (heard, ()) = tokio::join!(listening, async {
        // The stream must be there before it can be ended.
        tokio::time::sleep(Duration::from_millis(300)).await;
        done.await;
    });
    heard.expect("the stream ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_stream_at_once() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let heard = heard_until(&vera, async {
        let answer = vera.submit("/logout", &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/login"));
        assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    });
    let heard = tokio::time::timeout(AT_ONCE, heard)
        .await
        .expect("it ends at once");
    assert!(heard.contains("event: ended"), "{heard}");
    vera.get("/api/auth/me").await.problem(401, "not-signed-in");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_a_person_ends_sessions_tokens_and_streams_at_once() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let vera = room.account("vera", "operator").await;
    let program = Visitor::with_token(room.client(), &room.token(vera, true).await);
    let mut person = room.stranger();
    person.sign_in("vera", PASSWORD).await;
    let (by_session, by_token) = tokio::join!(
        heard_until(&person, async {
            assert_eq!(
                ada.post(&format!("/api/users/{vera}/disable"), json!({}))
                    .await
                    .status,
                200
            );
        }),
        heard_until(&program, async {}),
    );
    assert!(by_session.contains("event: ended") && by_token.contains("event: ended"));
    person.get("/api/servers").await.problem(401, "not-signed-in");
    program.get("/api/servers").await.problem(401, "token-invalid");
    assert_eq!(
        ada.post(&format!("/api/users/{vera}/enable"), json!({}))
            .await
            .status,
        200
    );
    assert_eq!(program.get("/api/servers").await.status, 200);
    person.get("/api/servers").await.problem(401, "not-signed-in");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_needs_a_proof_of_the_last_ten_minutes() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let mut olga = room.signed_in("olga", "operator").await;
    let first = room.server(&olga, "first", "true").await;
    let second = room.server(&olga, "second", "true").await;
    clock.advance(Duration::from_secs(11 * 60));
    let refused = olga.delete(&format!("/api/servers/{first}")).await;
    assert!(refused.problem(403, "step-up-required")["decision_id"].is_string());
    assert_eq!(
        olga.post(&format!("/api/servers/{first}/start"), json!({}))
            .await
            .status,
        200,
        "starting needs none"
    );

    let wrong = olga
        .submit("/step-up", &[("password", "wrong"), ("next", "/servers")])
        .await;
    assert_eq!((wrong.status, wrong.header("location")), (303, "/servers"));
    olga.delete(&format!("/api/servers/{first}"))
        .await
        .problem(403, "step-up-required");

    let before = olga.clone();
    let risen = olga
        .submit("/step-up", &[("password", PASSWORD), ("next", "/servers")])
        .await;
    assert_eq!((risen.status, risen.header("location")), (303, "/servers"));
    olga.take_cookies(&risen);
    before.get("/api/auth/me").await.problem(401, "not-signed-in");
    assert_eq!(olga.delete(&format!("/api/servers/{first}")).await.status, 204);

    // The page asks for the password in the form itself.
    clock.advance(Duration::from_secs(11 * 60));
    let path = format!("/servers/{second}/remove");
    let unproven = olga
        .submit(&path, &[("confirm_name", "second"), ("password", "wrong")])
        .await;
    assert_eq!(unproven.status, 400, "{}", unproven.text());
    let removed = olga
        .submit(&path, &[("confirm_name", "second"), ("password", PASSWORD)])
        .await;
    assert_eq!((removed.status, removed.header("location")), (303, "/servers"));
    olga.take_cookies(&removed);
    assert_eq!(olga.get("/api/servers").await.json()["items"], json!([]));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_by_a_persons_acts_alone() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    clock.advance(Duration::from_secs(7 * 3_600));
    let active = vera.post("/api/session/activity", json!({})).await;
    assert_eq!(active.json(), json!({ "status": "ok", "expires_in": 8 * 3_600 }));
    clock.advance(Duration::from_secs(7 * 3_600));
    assert_eq!(vera.get("/api/servers").await.status, 200, "activity renewed it");
    clock.advance(Duration::from_secs(3_601));
    vera.get("/api/servers").await.problem(401, "not-signed-in");
    let page = vera.look("/servers").await;
    assert_eq!(
        (page.status, page.header("location")),
        (303, "/session-expired"),
        "polling did not"
    );
    assert_eq!(vera.look("/session-expired").await.status, 401);
    room.close().await;
}

/// A browser that asked to be remembered.
async fn remembered(room: &TestRoom) -> Visitor {
    room.account("vera", "viewer").await;
    let mut vera = room.stranger();
    let token = vera.form_token("/login").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("username", "vera"),
        ("password", PASSWORD),
        ("remember_me", "true"),
    ];
    let answer = vera.submit("/login", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    vera.take_cookies(&answer);
    let me = vera.get("/api/auth/me").await.json();
    vera.set_csrf(me["csrf_token"].as_str());
    vera
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_cookie_of_a_remembered_browser_ends_what_it_opened() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let mut vera = remembered(&room).await;
    let thief = vera.clone();
    clock.advance(Duration::from_secs(3_600));
    let active = vera.post("/api/session/activity", json!({})).await;
    assert_eq!(active.status, 200);
    let cookie = active.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-watchroom_session=") && cookie.contains("; Max-Age=2588400"),
        "{cookie}"
    );
    vera.take_cookies(&active);
    assert_eq!(vera.get("/api/auth/me").await.status, 200);
    let again = vera.post("/api/session/activity", json!({})).await;
    assert_eq!(again.header("set-cookie"), "", "once an hour is enough");
    assert_eq!(
        thief.get("/api/auth/me").await.status,
        200,
        "a minute for what is on its way"
    );
    clock.advance(Duration::from_secs(60));
    thief.get("/api/auth/me").await.problem(401, "not-signed-in");
    let identity = &room.host.identity;
    let user = identity.id_of(&"vera".parse().expect("a name")).expect("vera");
    let root = watchroom_policy::Principal::local("root");
    room.until("the session is over", || {
        let left = identity.sessions_of(&root, user).expect("a list");
        left.is_empty().then_some(())
    })
    .await;
    vera.get("/api/auth/me").await.problem(401, "not-signed-in");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_activity_makes_a_session_live_longer_than_a_day() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    for _ in 0..3 {
        clock.advance(Duration::from_secs(7 * 3_600 + 1_800));
        assert_eq!(vera.post("/api/session/activity", json!({})).await.status, 200);
    }
    let left = vera.post("/api/session/activity", json!({})).await.json()["expires_in"].clone();
    assert_eq!(left, 3_600 + 1_800);
    clock.advance(Duration::from_secs(3_600 + 1_801));
    vera.post("/api/session/activity", json!({}))
        .await
        .problem(401, "not-signed-in");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_not_accepted_from_elsewhere() {
    let room = TestRoom::open(program!()).await;
    let olga = room.signed_in("olga", "operator").await;
    let own = format!("https://localhost:{}", room.address().port());
    let places: [(Option<&str>, Option<&str>, bool); 8] = [
        (Some("cross-site"), None, false),
        (Some("same-site"), None, false),
        (Some("none"), None, false),
        (Some("cross-site"), Some(&own), false),
        (None, Some("https://evil.example"), false),
        (None, Some("null"), false),
        (None, None, false),
        (None, Some(&own), true),
    ];
    for (index, (site, origin, is_let_in)) in places.into_iter().enumerate() {
        let body = json!({ "name": format!("web-{index}"), "command": ["/bin/true"] }).to_string();
        let request = olga
            .request(Method::POST, "/api/servers")
            .header(CONTENT_TYPE, "application/json");
        let mut request = request.body(Body::from(body)).expect("a request");
        request.headers_mut().remove("sec-fetch-site");
        if let Some(site) = site {
            request
                .headers_mut()
                .insert("sec-fetch-site", site.parse().expect("a header"));
        }
        if let Some(origin) = origin {
            request
                .headers_mut()
                .insert(ORIGIN, origin.parse().expect("a header"));
        }
        let answer = olga.send(request).await;
        if is_let_in {
            assert_eq!(answer.status, 201, "{site:?} {origin:?}: {}", answer.text());
        } else {
            answer.problem(403, "csrf");
        }
    }
    assert_eq!(
        olga.get("/api/servers").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_belongs_to_the_browser_it_began_in() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let mut request = vera
        .request(Method::GET, "/api/servers")
        .body(Body::empty())
        .expect("a request");
    request
        .headers_mut()
        .insert(USER_AGENT, "another browser".parse().expect("a header"));
    vera.send(request).await.problem(401, "not-signed-in");
    assert_eq!(vera.get("/api/servers").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_persons_other_sessions() {
    let room = TestRoom::open(program!()).await;
    let mut here = room.signed_in("vera", "viewer").await;
    let mut elsewhere = room.stranger();
    elsewhere.sign_in("vera", PASSWORD).await;
    let new = "Another horse 8 pasture";
    let weak = here.submit("/change-password", &change(PASSWORD, "short")).await;
    assert_eq!(weak.status, 400);
    let wrong = here.submit("/change-password", &change("wrong", new)).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(elsewhere.get("/api/servers").await.status, 200);
    let answer = here.submit("/change-password", &change(PASSWORD, new)).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/profile"),
        "{}",
        answer.text()
    );
    here.take_cookies(&answer);
    assert_eq!(here.get("/api/servers").await.status, 200);
    elsewhere.get("/api/servers").await.problem(401, "not-signed-in");
    assert_eq!(room.stranger().try_sign_in("vera", PASSWORD).await.status, 401);
    assert_eq!(room.stranger().try_sign_in("vera", new).await.status, 303);
    room.close().await;
}

fn change<'a>(old: &'a str, new: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("old_password", old),
        ("new_password", new),
        ("confirm_password", new),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_smells_trouble_ends_all_other_sessions_and_keeps_this_one() {
    let room = TestRoom::open(program!()).await;
    let here = room.signed_in("vera", "viewer").await;
    let mut there = room.stranger();
    there.sign_in("vera", PASSWORD).await;
    assert_eq!(there.get("/api/session").await.status, 200);
    let ada = room.signed_in("ada", "admin").await;
    let answer = here.submit("/profile/sessions/end-others", &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(there.get("/api/session").await.status, 401);
    assert_eq!(here.get("/api/session").await.status, 200);
    assert_eq!(ada.get("/api/session").await.status, 200, "somebody else's");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_the_session_of_another() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let ada = room.signed_in("ada", "admin").await;
    let id = vera.get("/api/session").await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let answer = ada.submit(&format!("/profile/sessions/{id}/end"), &[]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(vera.get("/api/session").await.status, 200);
    room.close().await;
}
