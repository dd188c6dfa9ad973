//! How often somebody may try to sign in from one address: no session and no token buys more of it.

use axum::body::Body;
use http::Method;
use watchroom_kit::Ambient;
use watchroom_shield::Window;
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

use super::bans::proxied;

/// Attempts in a minute, in these rooms.
const ATTEMPTS: u32 = 5;

async fn open() -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), |config| {
        proxied(config);
        config.shield.limits.sign_in = vec![Window::per_minute(ATTEMPTS)];
    })
    .await
}

/// What each of two attempts more than there may be is answered.
async fn tries(visitor: &Visitor) -> Vec<u16> {
    let fields = [("username", "ada"), ("password", "guess"), ("csrf_token", "x")];
    let mut statuses = Vec::new();
    for _ in 0..ATTEMPTS + 2 {
        statuses.push(visitor.submit("/login", &fields).await.status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_known_has_no_more_attempts_than_a_stranger() {
    let room = open().await;
    let vera = room.signed_in("vera", "viewer").await;
    let walt = room.viewer("walt").await;
    let stranger = room.stranger();
    for (visitor, address) in [
        (stranger, "198.51.100.1"),
        (vera, "198.51.100.2"),
        (walt, "198.51.100.3"),
    ] {
        let statuses = tries(&visitor.coming_from(address)).await;
        let limited = statuses.iter().filter(|status| **status == 429).count();
        assert_eq!(limited, 2, "{address}: {statuses:?}");
        assert_eq!(
            statuses.iter().rev().take(2).copied().collect::<Vec<_>>(),
            [429, 429]
        );
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_on_a_page_elsewhere_use_up_nobodys_attempts() {
    let room = open().await;
    let office = room.stranger().coming_from("198.51.100.5");
    for path in [
        "/api/auth/token",
        "/login/mfa/passkey",
        "/step-up",
        "/change-password",
    ] {
        for _ in 0..=ATTEMPTS {
            let picture = office
                .request(Method::GET, path)
                .header("sec-fetch-site", "cross-site");
            let answer = office.send(picture.body(Body::empty()).expect("a request")).await;
            assert_ne!(answer.status, 429, "{path}");
        }
    }
    let statuses = tries(&office).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        2,
        "{statuses:?}"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_succeeds_spends_nothing() {
    let room = open().await;
    room.account("vera", "viewer").await;
    for _ in 0..=ATTEMPTS {
        let mut vera = room.stranger().coming_from("198.51.100.4");
        vera.sign_in("vera", PASSWORD).await;
        let proof = [
            ("password", PASSWORD),
            ("csrf_token", vera.csrf().expect("a token")),
        ];
        let risen = vera.submit("/step-up", &proof).await;
        assert_eq!(risen.status, 303, "{}", risen.text());
    }
    room.close().await;
}
