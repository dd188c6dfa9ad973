//! Second factors with two Hosts on one database: a code is taken once, and what is sealed on one opens on the other.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use watchroom_identity::SignIn;
use watchroom_policy::Trail;
use watchroom_testkit::{PASSWORD, TestRoom, program};

fn trail(count: usize) -> Trail {
    // Each from a network of its own, so that no lockout decides what the database must.
    let from = [
        10,
        u8::try_from(count / 250).unwrap_or(0),
        u8::try_from(count % 250).unwrap_or(0),
        1,
    ];
    Trail {
        source_ip: Some(from.into()),
        ..Trail::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_sent_a_thousand_times_to_two_hosts_is_taken_once() {
    let first = TestRoom::open(program!()).await;
    let second = first.replica(program!()).await;
    let mut vera = first.signed_in("vera", "viewer").await;
    let (device, _) = vera.enrol(first.host.ambient().now()).await;
    let soon = first.host.ambient().now() + Duration::from_secs(30);
    let code = device.code(soon);

    let mut halves = Vec::new();
    for count in 0..5 {
        let asked = SignIn {
            username: "vera".to_owned(),
            password: PASSWORD.into(),
            remember_me: false,
            device: None,
        };
        let half = first
            .host
            .identity
            .sign_in(&trail(count), asked)
            .await
            .expect("half a sign-in");
        assert!(half.session.is_half());
        halves.push(half.session);
    }
    let tries = (0..1_000).map(|count| {
        let host = if count % 2 == 0 { &first.host } else { &second.host };
        let (identity, half) = (host.identity.clone(), Arc::clone(&halves[count % halves.len()]));
        let code = code.clone();
        async move {
            identity
                .prove_second_factor(&half, &trail(count), code.into(), None)
                .await
                .is_ok()
        }
    });
    let taken = join_all(tries).await.into_iter().filter(|taken| *taken).count();
    // Whichever Host took it, and however the others failed: they may have met each other at the row.
    assert_eq!(taken, 1);
    second.close().await;
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_enrolled_on_one_host_comes_in_on_the_other_and_keys_rotate_for_both() {
    let first = TestRoom::open(program!()).await;
    let second = first.replica(program!()).await;
    let mut vera = first.signed_in("vera", "viewer").await;
    let (device, _) = vera.enrol(first.host.ambient().now()).await;
    let root = second.admin("root-like").await;
    let rotated = root.post("/api/keys/rotate", serde_json::json!({})).await;
    assert_eq!(rotated.json()["resealed"], 1, "{}", rotated.text());

    let mut elsewhere = second.stranger();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    // The other Host hears of the enrolment within a second; until then the password is all it asks for.
    while elsewhere.try_sign_in("vera", PASSWORD).await.header("location") != "/login/mfa" {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the other Host asks for no code"
        );
        elsewhere = second.stranger();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let soon = first.host.ambient().now() + Duration::from_secs(30);
    assert_eq!(elsewhere.try_code(&device.code(soon)).await.status, 303);
    second.close().await;
    first.close().await;
}
