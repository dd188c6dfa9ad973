//! Second factors as people and programs meet them: the first sign-in, the second step, and losing the device.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use watchroom_kit::{Ambient, Clock};
use watchroom_testkit::{Answer, PASSWORD, TestRoom, Visitor, program};

/// A room whose administrators need a second factor.
async fn strict() -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), |config| {
        config.identity.second_factors.required_roles = vec!["admin".into()];
    })
    .await
}

fn now() -> OffsetDateTime {
    Clock::system().now()
}

/// The step after this one: its code is taken already, and was not shown before.
fn soon() -> OffsetDateTime {
    now() + Duration::from_secs(30)
}

/// The recovery codes that a page shows.
fn codes(page: &Answer) -> Vec<String> {
    let text = page.text();
    let items = text.split("<li><code>").skip(1);
    items
        .map(|item| item.split_once("</code>").expect("an end").0.to_owned())
        .collect()
}

/// An administrator who has enrolled at the first sign-in; their device, and what the page then showed.
async fn enrolled(room: &TestRoom, name: &str) -> (Visitor, watchroom_testkit::Authenticator, Answer) {
    room.account(name, "admin").await;
    let mut ada = room.stranger();
    let answer = ada.try_sign_in(name, PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/mfa/setup"));
    let (device, page) = ada.enrol(now()).await;
    (ada, device, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sign_in_of_an_administrator_leads_into_enrolment_and_nowhere_else() {
    let room = strict().await;
    room.account("ada", "admin").await;
    let mut ada = room.stranger();
    ada.try_sign_in("ada", PASSWORD).await;
    for page in ["/", "/servers", "/profile", "/nodes", "/login/mfa", "/login"] {
        let answer = ada.look(page).await;
        let to = answer.header("location");
        assert!(
            answer.status == 303 && to.starts_with("/mfa/setup"),
            "{page}: {} {to}",
            answer.status
        );
    }
    for path in [
        "/api/auth/me",
        "/api/session",
        "/api/users",
        "/api/servers",
        "/api/stream",
    ] {
        ada.get(path).await.problem(403, "second-factor-required");
    }
    let (device, page) = ada.enrol(now()).await;
    page.assert_dressed();
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(codes(&page).len(), 10);
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
    let factors = ada.get("/api/auth/factors").await.json();
    assert_eq!(factors["factors"][0]["name"], "phone");
    assert_eq!(
        (&factors["recovery_codes_left"], &factors["is_required"]),
        (&json!(10), &json!(true))
    );
    assert!(!factors.to_string().contains(device.seed()));

    let mut again = room.stranger();
    again.sign_in_with("ada", PASSWORD, &device.code(soon())).await;
    assert_eq!(again.look("/").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_told_like_a_wrong_password_and_locks_like_one() {
    let room = strict().await;
    let (_, device, _) = enrolled(&room, "ada").await;
    let mut ada = room.stranger();
    ada.try_sign_in("ada", PASSWORD).await;
    for left in ["4 attempts", "3 attempts", "2 attempts", "One attempt"] {
        let answer = ada.try_code("000000").await;
        assert_eq!(answer.status, 401);
        answer.assert_dressed();
        assert!(answer.text().contains(left), "{left}: {}", answer.text());
    }
    assert_eq!(ada.try_code("000000").await.status, 401);
    assert_eq!(ada.try_code(&device.code(soon())).await.status, 423);
    assert_eq!(room.stranger().try_sign_in("ada", PASSWORD).await.status, 423);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_step_is_for_the_browser_that_took_the_first_and_has_a_form_of_ours() {
    let room = strict().await;
    let (_, device, _) = enrolled(&room, "ada").await;
    let mut ada = room.stranger();
    ada.try_sign_in("ada", PASSWORD).await;
    let code = device.code(soon());
    // Without the form's token, and from another browser that has the code alone.
    assert_eq!(ada.submit("/login/mfa", &[("code", &code)]).await.status, 403);
    let stranger = room.stranger();
    let answer = stranger.submit("/login/mfa", &[("code", &code)]).await;
    assert!([401, 403].contains(&answer.status), "{}", answer.status);
    assert_eq!(ada.try_code(&code).await.status, 303);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_device_is_reset_by_another_administrator_and_every_session_ends_at_once() {
    let room = strict().await;
    let (ada, _, _) = enrolled(&room, "ada").await;
    let me = ada.get("/api/auth/me").await.json();
    let id = me["user_id"].as_str().expect("an id");
    let root = room.admin("root-like").await;
    let answer = root
        .post(&format!("/api/users/{id}/reset-factors"), json!({}))
        .await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(ada.get("/api/auth/me").await.status, 401);
    let entries = root.get("/api/audit?action=user.reset_factors").await.json();
    assert_eq!(entries["items"].as_array().map(Vec::len), Some(1), "{entries}");
    let answer = room.stranger().try_sign_in("ada", PASSWORD).await;
    assert_eq!(answer.header("location"), "/mfa/setup");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_comes_in_once_and_keys_rotate_below_it_all() {
    let room = strict().await;
    let (_, device, page) = enrolled(&room, "ada").await;
    let recovery = codes(&page).remove(0);
    let root = room.admin("root-like").await;
    let rotated = root.post("/api/keys/rotate", json!({})).await;
    assert_eq!((rotated.status, &rotated.json()["resealed"]), (200, &json!(1)));
    let mut ada = room.stranger();
    ada.sign_in_with("ada", PASSWORD, &recovery).await;
    let mut other = room.stranger();
    other.try_sign_in("ada", PASSWORD).await;
    assert_eq!(other.try_code(&recovery).await.status, 401);
    assert_eq!(other.try_code(&device.code(soon())).await.status, 303);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_and_the_codes_stand_in_no_answer_entry_or_file_afterwards() {
    let room = strict().await;
    let (ada, device, page) = enrolled(&room, "ada").await;
    let mut secrets = codes(&page);
    secrets.push(device.seed().to_owned());
    let told = [
        ada.look("/profile").await.text(),
        ada.get("/api/auth/factors").await.text(),
        ada.get("/api/users").await.text(),
        ada.get("/api/audit").await.text(),
    ];
    for secret in &secrets {
        assert!(
            told.iter().all(|text| !text.contains(secret.as_str())),
            "an answer has {secret}"
        );
        assert!(!holds(&room.state(), secret.as_bytes()), "a file has {secret}");
    }
    room.close().await;
}

/// Whether a file below this folder has these bytes in it.
fn holds(folder: &std::path::Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return holds(&path, wanted);
        }
        // A file that goes while one looks at it holds nothing; a socket cannot be read.
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(wanted.len()).any(|window| window == wanted)
    })
}

/// A viewer who has just added a device without having to.
async fn with_a_device(room: &TestRoom, clock: &Clock) -> (Visitor, watchroom_testkit::Authenticator) {
    room.account("vera", "viewer").await;
    let mut vera = room.stranger();
    vera.try_sign_in("vera", PASSWORD).await;
    let (device, _) = vera.enrol(clock.now()).await;
    (vera, device)
}

#[tokio::test(flavor = "multi_thread")]
async fn how_one_signs_in_is_changed_with_all_that_one_signs_in_with() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let (mut vera, device) = with_a_device(&room, &clock).await;
    let fresh = vera.look("/profile").await.text();
    assert!(
        !fresh.contains("one-time-code") && !fresh.contains("/step-up"),
        "it was all given just now"
    );

    clock.advance(Duration::from_secs(11 * 60));
    let page = vera.look("/profile").await;
    page.assert_dressed();
    let text = page.text();
    let asks = |form: &str| {
        let (_, form) = text.split_once(form).expect("the form");
        let form = form.split_once("</form>").expect("an end").0;
        (form.contains("current-password"), form.contains("one-time-code"))
    };
    let factors = vera.get("/api/auth/factors").await.json();
    let remove = format!(
        "/profile/factors/{}/remove",
        factors["factors"][0]["id"].as_str().expect("an id")
    );
    for form in [
        remove.as_str(),
        "/profile/recovery-codes",
        "/profile/email",
        "/step-up",
    ] {
        assert_eq!(asks(&format!("action=\"{form}\"")), (true, true), "{form}");
    }
    assert_eq!(asks("action=\"/profile/tokens\""), (true, true));
    vera.look("/mfa/setup").await.assert_dressed();
    assert_eq!(vera.look("/mfa/setup").await.status, 403);

    let code = device.code(clock.now());
    let (password, code) = (("password", PASSWORD), ("code", code.as_str()));
    for (given, left) in [
        (vec![password], 1),
        (vec![code], 1),
        (vec![password, ("code", "000000")], 1),
        (vec![("password", "wrong"), code], 1),
        (vec![password, code], 0),
    ] {
        let answer = vera.submit(&remove, &given).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/profile"),
            "{given:?}"
        );
        vera.take_cookies(&answer);
        let factors = vera.get("/api/auth/factors").await.json();
        assert_eq!(
            factors["factors"].as_array().map(Vec::len),
            Some(left),
            "{given:?}"
        );
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_was_not_enough_leads_back_to_where_it_was_asked_for() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let (mut vera, device) = with_a_device(&room, &clock).await;
    clock.advance(Duration::from_secs(11 * 60));
    let (next, back) = (("next", "/mfa/setup?next=/profile"), ("back", "/profile"));
    let wrong = [("password", PASSWORD), ("code", "000000"), next, back];
    let answer = vera.submit("/step-up", &wrong).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/profile"));
    vera.take_cookies(&answer);
    let told = vera.look("/profile").await;
    assert!(told.text().contains("code is wrong"), "{}", told.text());

    let code = device.code(clock.now());
    let right = [("password", PASSWORD), ("code", &code), next, back];
    let answer = vera.submit("/step-up", &right).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/mfa/setup?next=/profile")
    );
    vera.take_cookies(&answer);
    assert_eq!(vera.look("/mfa/setup?next=/profile").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_a_code_is_wanted_a_wrong_one_is_told_at_its_field() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    let (mut vera, device) = with_a_device(&room, &clock).await;
    clock.advance(Duration::from_secs(11 * 60));
    let risen = vera.submit("/step-up", &[("password", PASSWORD)]).await;
    vera.take_cookies(&risen);
    let refused = vera
        .submit(
            "/profile/email",
            &[("email", "vera@example.org"), ("code", "000000")],
        )
        .await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("code is wrong"), "{}", refused.text());
    // Once all was given, as by a passkey whose script takes the fields away, the form of a step leads on without any.
    let code = device.code(clock.now());
    let risen = vera.submit("/step-up", &[("code", &code)]).await;
    vera.take_cookies(&risen);
    let on = vera
        .submit(
            "/step-up",
            &[("next", "/mfa/setup?next=/profile"), ("back", "/profile")],
        )
        .await;
    assert_eq!(
        (on.status, on.header("location")),
        (303, "/mfa/setup?next=/profile")
    );
    assert_eq!(vera.look("/mfa/setup?next=/profile").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_takes_away_nobodys_factors_by_a_password_alone() {
    let (room, clock) = TestRoom::timeless(program!()).await;
    room.account("ada", "admin").await;
    let mut ada = room.stranger();
    ada.try_sign_in("ada", PASSWORD).await;
    let (device, _) = ada.enrol(clock.now()).await;
    let me = ada.get("/api/auth/me").await.json();
    let id = me["user_id"].as_str().expect("an id").to_owned();
    clock.advance(Duration::from_secs(11 * 60));
    let path = format!("/access/people/{id}/reset-factors");
    ada.submit(&path, &[("password", PASSWORD)]).await;
    let risen = ada.submit("/step-up", &[("password", PASSWORD)]).await;
    ada.take_cookies(&risen);
    for (path, body) in [
        (format!("/api/users/{id}/reset-factors"), json!({})),
        (format!("/api/users/{id}/reset-link"), json!({ "mail": false })),
        (
            "/api/tokens".to_owned(),
            json!({ "name": "x", "allow_sensitive": true }),
        ),
    ] {
        ada.post(&path, body).await.problem(403, "step-up-required");
    }
    let page = ada.look("/access/people").await;
    assert!(page.text().contains("one-time-code"), "{}", page.text());
    let code = device.code(clock.now());
    let reset = ada
        .submit(&path.replace("factors", "link"), &[("code", &code)])
        .await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    room.close().await;
}
