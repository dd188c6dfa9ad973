//! Signing in, failing to, and being locked out.

use watchroom_identity::{HashError, Method, OpenError, SignInError, TokenSignIn};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::PageRequest;
use watchroom_policy::act;
use watchroom_store::AuditFilter;

use crate::room::{BROWSER, PASSWORD, Room, cheap, root, shared_key, text, trail, trail_from, typed};

/// What an error tells the outside, to compare answers.
fn told(error: &SignInError) -> (FaultKind, &'static str, String, String) {
    (
        error.kind(),
        error.slug(),
        error.public(),
        format!("{:?}", error.members()),
    )
}

#[tokio::test]
async fn signing_in_twice_gives_two_sessions() {
    let (room, _) = Room::with_admin().await;
    let one = room.sign_in("alice", PASSWORD).await.unwrap();
    let two = room.sign_in("ALICE", PASSWORD).await.unwrap();
    assert_ne!(one.session.id, two.session.id);
    assert_eq!(one.session.user, two.session.user);
    assert_eq!(
        room.identity
            .sessions_of(&one.session.principal, one.session.user)
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn an_unknown_name_is_answered_as_a_known_one() {
    let (room, _) = Room::with_admin().await;
    room.user("dora", "viewer").await;
    let dora = room
        .identity
        .user_named(&root(), &"dora".parse().unwrap())
        .unwrap();
    let permit = room.permit(&root(), act::ChangeUser, &dora).unwrap();
    room.identity
        .change_status(&permit, watchroom_identity::UserStatus::Disabled)
        .await
        .unwrap();
    for turn in 0..7 {
        let known = room.sign_in("alice", "wrong").await.unwrap_err();
        let unknown = room.sign_in("nobody", "wrong").await.unwrap_err();
        let disabled = room.sign_in("dora", PASSWORD).await.unwrap_err();
        assert_eq!(told(&known), told(&unknown), "turn {turn}");
        assert_eq!(told(&known), told(&disabled), "turn {turn}");
    }
}

#[tokio::test]
async fn five_failures_lock_the_account_for_that_network_alone() {
    let (room, _) = Room::with_admin().await;
    for remaining in [4, 3, 2, 1, 0] {
        match room.sign_in("alice", "wrong").await {
            Err(SignInError::Wrong {
                remaining_attempts,
                locked_until,
            }) => {
                assert_eq!(
                    (remaining_attempts, locked_until.is_some()),
                    (remaining, remaining == 0)
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let locked = room.sign_in("alice", PASSWORD).await.unwrap_err();
    assert_eq!(
        (locked.kind(), locked.retry_after_s()),
        (FaultKind::Locked, Some(900))
    );
    assert_eq!(
        format!("{:?}", locked.members()),
        r#"[("locked_until", String("2026-05-04T08:15:00Z"))]"#
    );
    let neighbour = trail_from("192.0.2.99");
    assert!(
        room.identity
            .sign_in(&neighbour, typed("alice", PASSWORD))
            .await
            .is_err()
    );
    let elsewhere = trail_from("198.51.100.1");
    assert!(
        room.identity
            .sign_in(&elsewhere, typed("alice", PASSWORD))
            .await
            .is_ok()
    );
    room.pass(15);
    assert!(room.sign_in("alice", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_success_gives_all_attempts_back() {
    let (room, _) = Room::with_admin().await;
    for _ in 0..4 {
        assert!(room.sign_in("alice", "wrong").await.is_err());
    }
    assert!(room.sign_in("alice", PASSWORD).await.is_ok());
    let failed = room.sign_in("alice", "wrong").await;
    assert!(matches!(
        failed,
        Err(SignInError::Wrong {
            remaining_attempts: 4,
            ..
        })
    ));
}

#[tokio::test]
async fn ten_sign_ins_at_once_with_a_queue_of_eight_the_overflow_is_told_to_wait() {
    let mut config = cheap();
    config.hashing.memory_kib = 65_536;
    let room = Room::with(config).await;
    room.set_up("alice").await;
    let t = trail();
    let turns = (0..10).map(|_| room.identity.sign_in(&t, typed("alice", PASSWORD)));
    let answers = futures_util::future::join_all(turns).await;
    let busy =
        |answer: &&Result<_, SignInError>| matches!(answer, Err(SignInError::Hashing(HashError::Busy)));
    let (signed_in, told_to_wait) = (
        answers.iter().filter(|answer| answer.is_ok()).count(),
        answers.iter().filter(busy).count(),
    );
    assert!(
        signed_in >= 8 && told_to_wait >= 1,
        "{signed_in} signed in, {told_to_wait} told to wait"
    );
    assert_eq!(signed_in + told_to_wait, 10);
    let waits = answers
        .into_iter()
        .filter_map(Result::err)
        .map(|error| (error.kind(), error.retry_after_s()));
    assert!(
        waits
            .into_iter()
            .all(|wait| wait == (FaultKind::Unavailable, Some(5)))
    );
}

#[tokio::test]
async fn a_hash_grows_stronger_at_the_next_sign_in() {
    let (room, _) = Room::with_admin().await;
    assert!(room.holds_anywhere("$m=8,t=1,p=1$"));
    let mut risen = room.config.clone();
    risen.hashing.memory_kib = 16;
    let later = watchroom_identity::Identity::open(
        room.store.clone(),
        risen,
        (
            std::sync::Arc::new(crate::room::Drawer),
            crate::room::mail_of(&room.store, &room.ambient),
        ),
        shared_key(),
        room.ambient.clone(),
    )
    .await
    .unwrap();
    for _ in 0..2 {
        assert!(later.sign_in(&trail(), typed("alice", PASSWORD)).await.is_ok());
    }
    assert!(room.holds_anywhere("$m=16,t=1,p=1$"));
}

#[tokio::test]
async fn what_was_typed_as_a_name_is_kept_nowhere() {
    let (room, _) = Room::with_admin().await;
    let slip = "My-Password.in.the.wrong.field";
    assert!(room.sign_in(slip, "Wrong-secret-typed").await.is_err());
    assert!(
        room.holds_anywhere("AUTH_FAILED"),
        "the failure itself is written down"
    );
    assert!(!room.holds_anywhere(slip) && !room.holds_anywhere("Wrong-secret-typed"));
}

#[tokio::test]
async fn the_log_names_people_by_their_id_and_says_how_it_ended() {
    let (room, alice) = Room::with_admin().await;
    let id = alice.session.user.to_string();
    assert!(room.sign_in("alice", "wrong").await.is_err());
    assert!(room.sign_in("nobody", "wrong").await.is_err());
    room.sign_in("alice", PASSWORD).await.unwrap();
    let page = room
        .store
        .audit()
        .page(&AuditFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    let told: Vec<_> = page
        .items
        .iter()
        .take(3)
        .map(|entry| (entry.action.as_str(), entry.user.as_str()))
        .collect();
    let wanted = [
        ("session.sign_in", id.as_str()),
        ("session.fail", "anonymous"),
        ("session.fail", "anonymous"),
    ];
    assert_eq!(told, wanted);
    let on: Vec<_> = page
        .items
        .iter()
        .take(3)
        .map(|entry| entry.resource.as_str())
        .collect();
    assert!(on[0].starts_with("session:"), "{on:?}");
    assert_eq!(on[1..], ["session", format!("user:{id}").as_str()]);
    let log = format!("{:?}", page.items);
    assert!(!log.contains("nobody") && !log.contains("alice"), "{log}");
}

#[tokio::test]
async fn without_passwords_nobody_signs_in_with_one_and_the_last_way_in_stays() {
    let (mut room, alice) = Room::with_admin().await;
    room.user("vera", "viewer").await;
    room.config.methods.password = false;
    let refused = room.try_another().await.unwrap_err();
    assert!(matches!(refused, OpenError::LockedOut));
    assert!(
        refused.to_string().contains("identity.methods.password = true"),
        "{refused}"
    );
    // Links by mail are a way in, for whoever has an address.
    room.config.magic_links.is_on = true;
    assert!(room.try_another().await.is_err());
    room.give_email(alice.session.user, "alice@home.example").await;
    let identity = room.try_another().await.unwrap();
    for name in ["alice", "vera", "nobody"] {
        let refused = identity.sign_in(&trail(), typed(name, PASSWORD)).await;
        assert!(
            matches!(refused, Err(SignInError::SwitchedOff(Method::Password))),
            "{name}"
        );
    }
    let program = TokenSignIn {
        username: "vera".into(),
        password: PASSWORD.into(),
        directory: None,
        code: None,
    };
    assert!(identity.grant_tokens(&trail(), program).await.is_err());
    assert!(
        identity.session(&text(&alice.cookie), Some(BROWSER)).is_some(),
        "who is in stays in"
    );
}
