//! Programs that sign in by name and password, with two Hosts on one database: a refresh token is taken once, and what ends
//! on one Host opens nothing on the other.

use std::time::Duration;

use futures_util::future::join_all;
use watchroom_identity::{Granted, Identity, TokenSignIn};
use watchroom_kit::ExposeSecret;
use watchroom_policy::{Resource, Trail, act};
use watchroom_testkit::{PASSWORD, TestRoom, program};

async fn granted(identity: &Identity) -> Granted {
    let asked = TokenSignIn {
        username: "vera".to_owned(),
        password: PASSWORD.into(),
        directory: None,
        code: None,
    };
    identity
        .grant_tokens(&Trail::default(), asked)
        .await
        .expect("tokens")
}

fn opens(identity: &Identity, granted: &Granted) -> bool {
    identity.access(granted.access.expose_secret()).is_ok()
}

/// Waits until the other Host knows.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not so after five seconds: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_token_shown_a_thousand_times_to_two_hosts_is_taken_once() {
    let first = TestRoom::open(program!()).await;
    let second = first.replica(program!()).await;
    first.account("vera", "viewer").await;
    let (one, other) = (&first.host.identity, &second.host.identity);
    let granted = granted(one).await;
    until("both know the sign-in", || opens(other, &granted)).await;
    let uses = (0..1_000).map(|count| {
        let identity = if count % 2 == 0 {
            one.clone()
        } else {
            other.clone()
        };
        let token = granted.refresh.clone();
        async move { identity.refresh_tokens(&Trail::default(), &token).await.is_ok() }
    });
    let taken = join_all(uses).await.into_iter().filter(|taken| *taken).count();
    assert_eq!(taken, 1);
    until("all that came of it has ended on both", || {
        !opens(one, &granted) && !opens(other, &granted)
    })
    .await;
    second.close().await;
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_on_one_host_opens_nothing_on_the_other_and_keys_are_known_to_both() {
    let first = TestRoom::open(program!()).await;
    let second = first.replica(program!()).await;
    let vera = first.account("vera", "viewer").await;
    let (one, other) = (&first.host.identity, &second.host.identity);
    let before = granted(one).await;
    until("both know the sign-in", || opens(other, &before)).await;
    // What the old key signed holds, on both, when one of them makes a new key.
    let permit = first.as_root(
        act::RotateKeys,
        &Resource::all(watchroom_policy::ResourceKind::Host),
    );
    one.rotate_keys(&permit).await.expect("a new key");
    assert!(opens(one, &before) && opens(other, &before));
    let after = granted(other).await;
    until("a token of the other Host opens here", || opens(one, &after)).await;

    let permit = first.as_root(act::EndSessions, &Resource::user(vera));
    one.end_sessions_of(&permit, None).await.expect("an end");
    assert!(!opens(one, &before) && !opens(one, &after), "at once here");
    until("soon there", || !opens(other, &before) && !opens(other, &after)).await;
    second.close().await;
    first.close().await;
}
