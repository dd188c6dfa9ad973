//! Locked for everybody, known browsers, and what survives.

use watchroom_identity::{
    Again, Identity, LockoutFilter, LockoutScope, LockoutView, SignIn, SignInError, SignedIn,
};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::PageRequest;
use watchroom_policy::act;

use crate::factors::{enrol, shown as shown_code};
use crate::room::{PASSWORD, Room, cheap, root, trail, trail_from, typed};

/// A try from the `n`th of many networks.
async fn from_afar(identity: &Identity, n: u8, name: &str, password: &str) -> Result<SignedIn, SignInError> {
    let trail = trail_from(&format!("198.51.{n}.1"));
    identity.sign_in(&trail, typed(name, password)).await
}

fn remaining(answer: &Result<SignedIn, SignInError>) -> u32 {
    match answer {
        Err(SignInError::Wrong {
            remaining_attempts, ..
        }) => *remaining_attempts,
        other => panic!("{other:?}"),
    }
}

fn is_locked(answer: &Result<SignedIn, SignInError>) -> bool {
    matches!(answer, Err(error) if error.kind() == FaultKind::Locked)
}

/// What is locked now.
async fn locked(identity: &Identity) -> Vec<LockoutView> {
    let filter = LockoutFilter::default();
    let page = identity.lockouts(&root(), &filter, &PageRequest::default()).await;
    page.unwrap().items
}

/// Signing in with what the browser shows of earlier times.
fn shown(name: &str, password: &str, device: &SignedIn) -> SignIn {
    SignIn {
        device: device.device.as_ref().map(|device| device.cookie.clone()),
        ..typed(name, password)
    }
}

async fn lift(room: &Room, identity: &Identity, one: &LockoutView) {
    let permit = room.permit(&root(), act::LiftLockout, one).unwrap();
    identity.lift_lockout(&permit).await.unwrap();
}

#[tokio::test]
async fn ten_failures_from_anywhere_lock_the_account_for_everybody_for_an_hour() {
    let (room, _) = Room::with_admin().await;
    for n in 0..10 {
        let answer = from_afar(&room.identity, n, "alice", "wrong").await;
        assert_eq!(remaining(&answer), 4.min(9 - u32::from(n)), "{n}");
    }
    for n in 10..14 {
        assert!(is_locked(&from_afar(&room.identity, n, "alice", PASSWORD).await));
    }
    let listed = locked(&room.identity).await;
    let [one] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!((one.scope, one.failures), (LockoutScope::Everywhere, 10));
    assert_eq!(one.name.as_ref().map(|name| name.as_str()), Some("alice"));
    room.pass(59);
    assert!(is_locked(&from_afar(&room.identity, 20, "alice", PASSWORD).await));
    room.pass(1);
    assert!(from_afar(&room.identity, 21, "alice", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_name_that_nobody_has_is_locked_in_the_same_words() {
    let (room, _) = Room::with_admin().await;
    let told = |answer: Result<SignedIn, SignInError>| {
        let error = answer.unwrap_err();
        (
            error.slug(),
            error.public(),
            format!("{:?}", error.members()),
            error.retry_after_s(),
        )
    };
    for n in 0..14 {
        let known = told(from_afar(&room.identity, n, "alice", "wrong").await);
        let unknown = told(from_afar(&room.identity, n, "nobody-here", "wrong").await);
        assert_eq!(known, unknown, "{n}");
    }
    let mut whose = Vec::new();
    for one in locked(&room.identity).await {
        whose.push(one.name.map(|name| name.to_string()));
    }
    whose.sort();
    assert_eq!(whose, [None, Some("alice".to_owned())]);
    assert!(!room.holds_anywhere("nobody-here"), "what was typed is not kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_guess_at_once_and_wherever_ten_guesses_are_made_in_an_hour() {
    let mut config = cheap();
    config.hashing.queue = 200;
    let room = Room::with(config).await;
    room.set_up("alice").await;
    let other = room.another().await;
    // The right password is among the last: with more than ten tries somebody would get in.
    let tries = (0..200_u8).map(|n| {
        let host = if n % 2 == 0 { &room.identity } else { &other };
        from_afar(host, n, "alice", if n < 100 { "wrong" } else { PASSWORD })
    });
    let answers = futures_util::future::join_all(tries).await;
    let wrong = answers
        .iter()
        .filter(|answer| matches!(answer, Err(SignInError::Wrong { .. })));
    assert_eq!(wrong.count(), 10);
    assert!(answers.iter().all(Result::is_err), "nobody got in");
    assert!(room.holds_anywhere("locks_everywhere"));
}

#[tokio::test]
async fn the_owner_gets_in_by_a_browser_that_has_signed_in_before() {
    let (room, alice) = Room::with_admin().await;
    for n in 0..10 {
        assert!(from_afar(&room.identity, n, "alice", "wrong").await.is_err());
    }
    assert!(is_locked(&room.sign_in("alice", PASSWORD).await));
    let owner = room
        .identity
        .sign_in(&trail(), shown("alice", PASSWORD, &alice))
        .await;
    let owner = owner.unwrap();
    // A browser that was known for alice is not known for others.
    room.user("bob", "viewer").await;
    for n in 0..10 {
        assert!(from_afar(&room.identity, n, "bob", "wrong").await.is_err());
    }
    let as_bob = room
        .identity
        .sign_in(&trail(), shown("bob", PASSWORD, &owner))
        .await;
    assert!(is_locked(&as_bob), "{as_bob:?}");
    // Its own tries are counted too, and lock nobody else.
    room.pass(61);
    for _ in 0..5 {
        let failed = room
            .identity
            .sign_in(&trail(), shown("alice", "wrong", &owner))
            .await;
        assert!(failed.is_err());
    }
    assert!(is_locked(
        &room
            .identity
            .sign_in(&trail(), shown("alice", PASSWORD, &owner))
            .await
    ));
    let scopes: Vec<_> = locked(&room.identity).await.iter().map(|one| one.scope).collect();
    assert_eq!(scopes, [LockoutScope::Device]);
    assert!(
        room.sign_in("alice", PASSWORD).await.is_ok(),
        "strangers have doors of their own"
    );
}

#[tokio::test]
async fn the_owner_can_still_prove_who_they_are_within_a_session() {
    let (room, alice) = Room::with_admin().await;
    for n in 0..10 {
        assert!(from_afar(&room.identity, n, "alice", "wrong").await.is_err());
    }
    let risen = room
        .identity
        .step_up(&alice.session, &trail(), Again::Either(PASSWORD.into()))
        .await;
    let session = risen.unwrap().session;
    for _ in 0..5 {
        assert!(
            room.identity
                .step_up(&session, &trail(), Again::Either("wrong".into()))
                .await
                .is_err()
        );
    }
    let locked = room
        .identity
        .step_up(&session, &trail(), Again::Either(PASSWORD.into()))
        .await;
    assert_eq!(locked.unwrap_err().kind(), FaultKind::Locked);
}

#[tokio::test]
async fn a_restart_forgets_no_lock_and_no_guess() {
    let (room, alice) = Room::with_admin().await;
    for _ in 0..5 {
        assert!(room.sign_in("alice", "wrong").await.is_err());
    }
    let later = room.another().await;
    assert!(is_locked(
        &later.sign_in(&trail(), typed("alice", PASSWORD)).await
    ));
    for n in 0..5 {
        assert!(from_afar(&later, n, "alice", "wrong").await.is_err());
    }
    let last = room.another().await;
    assert!(is_locked(&from_afar(&last, 9, "alice", PASSWORD).await));
    let known = last.sign_in(&trail(), shown("alice", PASSWORD, &alice)).await;
    assert!(known.is_ok(), "and knows its browsers");
}

#[tokio::test]
async fn what_one_host_locks_is_locked_on_the_other_until_it_is_lifted_on_either() {
    let (room, _) = Room::with_admin().await;
    let other = room.another().await;
    for _ in 0..5 {
        assert!(room.sign_in("alice", "wrong").await.is_err());
    }
    let near = locked(&other).await;
    assert_eq!(
        near.iter().map(|one| one.network.as_deref()).collect::<Vec<_>>(),
        [Some("192.0.2.0/24")]
    );
    for n in 0..5 {
        assert!(from_afar(&other, n, "alice", "wrong").await.is_err());
    }
    let both = locked(&room.identity).await;
    assert_eq!(both.len(), 2);
    for one in &both {
        lift(&room, &other, one).await;
    }
    assert!(locked(&room.identity).await.is_empty());
    assert!(other.sign_in(&trail(), typed("alice", PASSWORD)).await.is_ok());
    let mut signed_in = false;
    for _ in 0..500 {
        // Its changes are told by another task.
        signed_in = room.sign_in("alice", PASSWORD).await.is_ok();
        if signed_in {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(signed_in);
    let again = room.permit(&root(), act::LiftLockout, &both[0]).unwrap();
    let gone = room.identity.lift_lockout(&again).await.unwrap_err();
    assert_eq!(gone.kind(), FaultKind::NotFound);
}

#[tokio::test]
async fn right_passwords_cost_nothing_however_many() {
    let (room, _) = Room::with_admin().await;
    for n in 0..30 {
        assert!(
            from_afar(&room.identity, n, "alice", PASSWORD).await.is_ok(),
            "{n}"
        );
    }
    let failed = from_afar(&room.identity, 31, "alice", "wrong").await;
    assert_eq!(remaining(&failed), 4);
}

/// A try at a code with half a session, from the `n`th of many networks.
async fn code_from_afar(identity: &Identity, n: u8, half: &SignedIn, code: &str) -> Result<(), FaultKind> {
    let trail = trail_from(&format!("198.51.{n}.1"));
    let proven = identity.prove_second_factor(&half.session, &trail, code.into(), None);
    proven.await.map(drop).map_err(|error| error.kind())
}

#[tokio::test]
async fn codes_are_guessed_no_oftener_than_passwords_from_however_many_networks() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let other = room.another().await;
    let mut halves = Vec::new();
    for n in 0..5 {
        // Right passwords on the way cost nothing and forget nothing.
        halves.push(from_afar(&room.identity, n, "alice", PASSWORD).await.unwrap());
    }
    for n in 0..10_u8 {
        let host = if n % 2 == 0 { &room.identity } else { &other };
        let half = &halves[usize::from(n) % halves.len()];
        let wrong = code_from_afar(host, 100 + n, half, "000000").await;
        assert_eq!(wrong, Err(FaultKind::Unauthenticated), "{n}");
    }
    let right = shown_code(&room, &seed, 0);
    let locked_out = code_from_afar(&room.identity, 200, &halves[0], &right).await;
    assert_eq!(locked_out, Err(FaultKind::Locked));
    assert!(is_locked(&from_afar(&other, 201, "alice", PASSWORD).await));
    let scopes: Vec<_> = locked(&room.identity).await.iter().map(|one| one.scope).collect();
    assert_eq!(scopes, [LockoutScope::Everywhere]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_send_codes_at_once_and_wherever_ten_are_compared_in_an_hour() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let other = room.another().await;
    let half = from_afar(&room.identity, 0, "alice", PASSWORD).await.unwrap();
    // The right one is the last of all: with more than ten tries it would be taken.
    let right = shown_code(&room, &seed, 0);
    let tries = (0..200_u8).map(|n| {
        let host = if n % 2 == 0 { &room.identity } else { &other };
        code_from_afar(host, n, &half, if n < 199 { "000000" } else { &right })
    });
    let mut wrong = 0;
    for answer in futures_util::future::join_all(tries).await {
        match answer {
            Err(FaultKind::Unauthenticated) => wrong += 1,
            Err(FaultKind::Locked | FaultKind::Unavailable) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wrong, 10);
}

#[tokio::test]
async fn a_browser_is_known_only_once_the_second_factor_is_proven() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert!(half.session.is_half());
    assert!(half.device.is_none(), "a password alone makes no browser known");
    let code = shown_code(&room, &seed, 0);
    let whole = room
        .identity
        .prove_second_factor(&half.session, &trail(), code.as_str().into(), None)
        .await
        .unwrap();
    let device = whole.device.as_ref().map(|device| device.cookie.clone());
    assert!(device.is_some());

    // Strangers use up the account's tries, at the password and at codes; the known browser has both to itself.
    let strangers = from_afar(&room.identity, 1, "alice", PASSWORD).await.unwrap();
    for n in 0..10 {
        assert!(
            code_from_afar(&room.identity, n, &strangers, "000000")
                .await
                .is_err()
        );
    }
    assert!(is_locked(&room.sign_in("alice", PASSWORD).await));
    let half = room
        .identity
        .sign_in(&trail(), shown("alice", PASSWORD, &whole))
        .await
        .unwrap();
    room.pass(1);
    let code = shown_code(&room, &seed, 0);
    let again = room
        .identity
        .prove_second_factor(&half.session, &trail(), code.as_str().into(), device.as_deref())
        .await;
    assert!(again.is_ok(), "{again:?}");
}

#[tokio::test]
async fn right_codes_cost_nothing_however_many() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    for n in 0..12 {
        room.pass(1);
        let half = from_afar(&room.identity, n, "alice", PASSWORD).await.unwrap();
        let code = shown_code(&room, &seed, 0);
        assert_eq!(
            code_from_afar(&room.identity, n, &half, &code).await,
            Ok(()),
            "{n}"
        );
    }
    let failed = from_afar(&room.identity, 31, "alice", "wrong").await;
    assert_eq!(remaining(&failed), 4);
}
