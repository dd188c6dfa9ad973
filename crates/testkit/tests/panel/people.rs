//! Signing in and out, and what one does about oneself.

use std::time::Duration;

use http::StatusCode;

use crate::room::{Browser, PASSWORD, Room};

#[tokio::test]
async fn an_empty_room_leads_to_set_up_and_set_up_signs_in() {
    let room = Room::open().await;
    assert_eq!(Browser::default().get(&room, "/servers").await.to, "/setup");
    assert_eq!(Browser::default().get(&room, "/login").await.to, "/setup");
    let (room, mut alice) = Room::with_alice().await;
    let home = alice.get(&room, "/").await;
    assert!(
        home.html.contains("Welcome. You are the first administrator."),
        "{}",
        home.html
    );
    let again = alice.get(&room, "/").await;
    assert!(!again.html.contains("Welcome."), "a message is shown once");
    assert_eq!(alice.get(&room, "/setup").await.to, "/login");
}

#[tokio::test]
async fn a_wrong_set_up_form_keeps_what_was_typed_and_names_every_fault() {
    let room = Room::open().await;
    let fields = [
        ("code", "nonsense"),
        ("username", "a b"),
        ("password", "x"),
        ("confirm_password", "y"),
    ];
    let answer = Browser::default()
        .submit(&room, "/setup", "/setup", &fields)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.html.contains("value=\"a b\"") && answer.html.contains("the two passwords are not the same")
    );
}

#[tokio::test]
async fn a_stranger_comes_back_to_the_page_they_wanted() {
    let (room, _) = Room::with_alice().await;
    let mut browser = Browser::default();
    let to = browser.get(&room, "/servers?name=a").await.to;
    assert_eq!(to, "/login?next=%2Fservers%3Fname%3Da");
    let fields = [
        ("username", "Alice"),
        ("password", PASSWORD),
        ("next", "/servers?name=a"),
    ];
    let answer = browser.submit(&room, &to, "/login", &fields).await;
    assert_eq!(
        (answer.status, answer.to.as_str()),
        (StatusCode::SEE_OTHER, "/servers?name=a")
    );
    let fields = [
        ("username", "alice"),
        ("password", PASSWORD),
        ("next", "//evil.example"),
    ];
    let mut other = Browser::default();
    assert_eq!(other.submit(&room, "/login", "/login", &fields).await.to, "/");
}

#[tokio::test]
async fn a_wrong_password_counts_down_and_then_locks() {
    let (room, _) = Room::with_alice().await;
    let mut browser = Browser::default();
    let wrong = [("username", "alice"), ("password", "wrong")];
    let first = browser.submit(&room, "/login", "/login", &wrong).await;
    assert_eq!(first.status, StatusCode::UNAUTHORIZED);
    assert!(
        first.html.contains("4 attempts are left") && first.html.contains("value=\"alice\""),
        "{}",
        first.html
    );
    let mut last = first;
    for _ in 0..4 {
        // The edge counts five a minute itself.
        room.ambient.clock.advance(Duration::from_secs(30));
        last = browser.submit(&room, "/login", "/login", &wrong).await;
    }
    assert!(last.html.contains("locked"), "{}", last.html);
    let right = [("username", "alice"), ("password", PASSWORD)];
    let locked = browser.submit(&room, "/login", "/login", &right).await;
    assert_eq!(locked.status, StatusCode::LOCKED);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let (room, mut alice) = Room::with_alice().await;
    let answer = alice.post(&room, "/logout", &[("csrf_token", "forged")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(alice.get(&room, "/").await.status, StatusCode::OK);
    let answer = Browser::default()
        .post(&room, "/login", &[("username", "alice"), ("password", PASSWORD)])
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_a_late_page_says_so() {
    let (room, mut alice) = Room::with_alice().await;
    let answer = alice.submit(&room, "/profile", "/logout", &[]).await;
    assert_eq!(answer.to, "/login");
    assert!(
        alice
            .get(&room, "/login")
            .await
            .html
            .contains("You are signed out.")
    );
    let (room, mut alice) = Room::with_alice().await;
    room.ambient.clock.advance(Duration::from_secs(9 * 3_600));
    assert_eq!(alice.fragment(&room, "/").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(alice.get(&room, "/").await.to, "/session-expired");
    assert_eq!(
        alice.get(&room, "/session-expired").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_link_to_the_page_about_a_sessions_end_ends_none() {
    let (room, mut alice) = Room::with_alice().await;
    let page = alice.get(&room, "/session-expired").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        alice.get(&room, "/").await.status,
        StatusCode::OK,
        "she is still signed in"
    );
    room.ambient.clock.advance(Duration::from_secs(9 * 3_600));
    alice.get(&room, "/session-expired").await;
    assert_eq!(
        alice.get(&room, "/").await.to,
        "/login",
        "a worthless cookie is gone"
    );
}

#[tokio::test]
async fn a_token_is_shown_once_and_asks_for_the_password_when_the_proof_is_old() {
    let (room, mut alice) = Room::with_alice().await;
    room.ambient.clock.advance(Duration::from_secs(700));
    let form = [("name", "ci"), ("expires_days", "1"), ("password", "wrong")];
    let refused = alice.submit(&room, "/profile", "/profile/tokens", &form).await;
    assert!(refused.html.contains("that is not your password") && refused.html.contains("value=\"ci\""));
    let form = [("name", "ci"), ("expires_days", "1"), ("password", PASSWORD)];
    let made = alice.submit(&room, "/profile", "/profile/tokens", &form).await;
    assert!(
        made.status.is_success() && made.html.contains("wr_pat_"),
        "{}",
        made.html
    );
    let later = alice.get(&room, "/profile").await;
    assert!(later.status.is_success() && !later.html.contains("wr_pat_") && later.html.contains(">ci</th>"));
    let taken = [("name", "ci"), ("expires_days", "1")];
    let taken = alice.submit(&room, "/profile", "/profile/tokens", &taken).await;
    assert_eq!(taken.status, StatusCode::BAD_REQUEST);
    let id = later
        .html
        .split("/profile/tokens/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let revoked = alice
        .submit(&room, "/profile", &format!("/profile/tokens/{id}/revoke"), &[])
        .await;
    assert_eq!(revoked.to, "/profile");
    assert!(!alice.get(&room, "/profile").await.html.contains(">ci</th>"));
}

#[tokio::test]
async fn changing_the_password_keeps_this_session_and_ends_the_other() {
    let (room, mut alice) = Room::with_alice().await;
    let mut other = Browser::default();
    other
        .submit(
            &room,
            "/login",
            "/login",
            &[("username", "alice"), ("password", PASSWORD)],
        )
        .await;
    let form = [
        ("old_password", PASSWORD),
        ("new_password", "short"),
        ("confirm_password", "short"),
    ];
    let refused = alice.submit(&room, "/profile", "/change-password", &form).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let new = "Grey-Heron9 rows";
    let form = [
        ("old_password", PASSWORD),
        ("new_password", new),
        ("confirm_password", new),
    ];
    let changed = alice.submit(&room, "/profile", "/change-password", &form).await;
    assert_eq!(changed.to, "/profile", "{}", changed.html);
    assert!(
        alice
            .get(&room, "/profile")
            .await
            .html
            .contains("Your password was changed.")
    );
    assert_eq!(other.get(&room, "/").await.to, "/session-expired");
}

#[tokio::test]
async fn the_theme_is_kept() {
    let (room, mut alice) = Room::with_alice().await;
    alice
        .submit(&room, "/profile", "/profile/theme", &[("theme", "dark")])
        .await;
    assert!(alice.get(&room, "/").await.html.contains("data-theme=\"dark\""));
}

#[tokio::test]
async fn the_log_book_shows_names_and_verifies() {
    let (room, mut alice) = Room::with_alice().await;
    let log = alice.get(&room, "/audit?action=host.set_up").await;
    assert!(log.html.contains("host.set_up"), "{}", log.html);
    assert!(
        alice
            .get(&room, "/audit?user=alice")
            .await
            .html
            .contains("<strong>alice</strong>")
    );
    let verified = alice.submit(&room, "/audit", "/audit/verify", &[]).await;
    assert_eq!(verified.to, "/audit");
    assert!(
        alice
            .get(&room, "/audit")
            .await
            .html
            .contains("The chain is intact")
    );
}
