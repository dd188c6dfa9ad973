//! Programs that sign in by name and password, as they meet the API: tokens, streams, sign-out, and the limits.

use std::time::Duration;

use http::header::CACHE_CONTROL;
use serde_json::{Value, json};
use watchroom_kit::Ambient;
use watchroom_shield::Window;
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

async fn granted(room: &TestRoom, body: Value) -> Value {
    let answer = room.stranger().post("/api/auth/token", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header(CACHE_CONTROL.as_str()), "no-store");
    answer.json()
}

async fn signed_in(room: &TestRoom, name: &str) -> (Visitor, String) {
    let granted = granted(room, json!({ "username": name, "password": PASSWORD })).await;
    assert_eq!(
        (&granted["token_type"], &granted["expires_in"]),
        (&json!("Bearer"), &json!(900))
    );
    let text = |field: &str| granted[field].as_str().expect("a text").to_owned();
    let program = Visitor::with_token(room.client(), &text("access_token"));
    (program, text("refresh_token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_signs_in_goes_on_and_signs_out() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    room.account("vera", "viewer").await;
    let (vera, refresh) = signed_in(&room, "vera").await;
    let me = vera.get("/api/auth/me").await.json();
    assert_eq!((&me["name"], &me["via"]), (&json!("vera"), &json!("program")));
    assert_eq!(me["csrf_token"], Value::Null, "no other site can send its token");
    assert_eq!(vera.get("/api/session").await.json()["is_program"], true);

    clock.advance(Duration::from_secs(900));
    vera.get("/api/auth/me").await.problem(401, "token-expired");
    let next = granted(&room, json!({ "refresh_token": refresh })).await;
    let access = next["access_token"].as_str().expect("a token");
    let vera = Visitor::with_token(room.client(), access);
    assert_eq!(vera.get("/api/auth/me").await.status, 200);

    assert_eq!(vera.delete("/api/auth/token").await.status, 204);
    vera.get("/api/auth/me").await.problem(401, "token-invalid");
    let refresh = json!({ "refresh_token": next["refresh_token"] });
    room.stranger()
        .post("/api/auth/token", refresh)
        .await
        .problem(401, "refresh-token-invalid");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_owner_sees_it_among_the_sessions_and_ends_it_and_its_stream() {
    let room = TestRoom::open(program!()).await;
    let browser = room.signed_in("vera", "viewer").await;
    let (vera, _) = signed_in(&room, "vera").await;
    let me = browser.get("/api/auth/me").await.json();
    let user = me["user_id"].as_str().expect("an id");
    let sessions = format!("/api/users/{user}/sessions");
    let listed = browser.get(&sessions).await.json();
    let listed = listed
        .as_array()
        .or_else(|| listed["items"].as_array())
        .expect("a list")
        .clone();
    let program = listed
        .iter()
        .find(|one| one["is_program"] == true)
        .expect("the program");
    let path = format!("{sessions}/{}", program["id"].as_str().expect("an id"));
    let listening = vera.listen("/api/stream", None, |_| false);
    let (heard, ()) = tokio::join!(listening, async {
        // The stream must be there before it can be ended.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(browser.delete(&path).await.status, 204);
    });
    assert!(heard.contains("event: ended"), "{heard}");
    vera.get("/api/auth/me").await.problem(401, "token-invalid");
    assert_eq!(
        browser.get("/api/auth/me").await.status,
        200,
        "the browser goes on"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_unclear_or_wrong_gets_nothing() {
    let room = TestRoom::open(program!()).await;
    room.account("vera", "viewer").await;
    let stranger = room.stranger();
    let unclear = [
        json!({}),
        json!({ "username": "vera" }),
        json!({ "password": PASSWORD }),
        json!({ "code": "123456" }),
        json!({ "username": "vera", "password": PASSWORD, "refresh_token": "wr_ref_a.b" }),
        json!({ "username": "vera", "password": PASSWORD, "remember_me": true }),
        json!({ "username": ["vera"], "password": PASSWORD }),
    ];
    for body in unclear {
        let answer = stranger.post("/api/auth/token", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    let wrong = |name: &str| json!({ "username": name, "password": "Wrong-Otter7 drums" });
    let mut told = Vec::new();
    for name in ["vera", "nobody-of-that-name"] {
        let answer = stranger.post("/api/auth/token", wrong(name)).await;
        let mut problem = answer.problem(401, "sign-in-refused");
        problem["request_id"] = Value::Null;
        told.push(problem);
    }
    assert_eq!(told[0], told[1], "nobody learns who exists");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_limited_and_lock_as_those_of_the_page_do() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.shield.limits.sign_in = vec![Window::per_minute(7)];
    })
    .await;
    room.account("vera", "viewer").await;
    let stranger = room.stranger();
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let guess = json!({ "username": "vera", "password": "Wrong-Otter7 drums" });
        statuses.push(stranger.post("/api/auth/token", guess).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 423, 423, 429]);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_succeeds_spends_nothing_and_a_worthless_token_buys_nothing() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.shield.limits.sign_in = vec![Window::per_minute(3)];
    })
    .await;
    room.account("vera", "viewer").await;
    let (_, mut refresh) = signed_in(&room, "vera").await;
    for _ in 0..5 {
        let next = granted(&room, json!({ "refresh_token": refresh })).await;
        refresh = next["refresh_token"].as_str().expect("a token").to_owned();
    }
    let guess = json!({ "refresh_token": "wr_ref_guess.guess" });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(
            room.stranger()
                .post("/api/auth/token", guess.clone())
                .await
                .status,
        );
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    room.close().await;
}
