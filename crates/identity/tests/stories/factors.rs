//! Second factors: whoever needs one has nothing with the first alone, and each code is good once.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use watchroom_identity::{
    Again, ConfirmTotp, Enrolled, Identity, Oneself, SecondStepError, Session, SignInError, SignedIn,
    StepUpError,
};
use watchroom_kit::{Fault, SecretString};
use watchroom_policy::{Resource, ResourceKind, SecondFactor, act};

use crate::room::{PASSWORD, Room, cheap, new_token, root, text, trail, trail_from, typed};

/// A room whose administrators need a second factor.
pub async fn strict() -> Room {
    let mut config = cheap();
    config.second_factors.required_roles = vec!["admin".into()];
    Room::with(config).await
}

/// The code that a device with this seed shows.
pub fn shown(room: &Room, seed: &str, steps_later: i64) -> String {
    code(seed, room.ambient.now().unix_timestamp() + 30 * steps_later)
}

fn code(seed: &str, at: i64) -> String {
    let bytes: [u8; 20] = BASE32_NOPAD.decode(seed.as_bytes()).unwrap().try_into().unwrap();
    let totp = totp_rs::Builder::new().with_secret(totp_rs::Secret::new_stack(bytes));
    totp.build_noncompliant()
        .generate(at.try_into().unwrap())
        .to_string()
}

pub async fn enrol(room: &Room, session: &Session) -> (String, Enrolled) {
    let permit = room
        .permit(&session.principal, act::AddFactor, &Oneself(session.user))
        .unwrap();
    let offer = room.identity.offer_totp(&permit, session).await.unwrap();
    let seed = text(&offer.secret);
    let confirm = ConfirmTotp {
        code: shown(room, &seed, 0).into(),
        offer: offer.offer,
        name: "phone".into(),
        device: None,
    };
    let enrolled = room
        .identity
        .confirm_totp(&permit, session, confirm)
        .await
        .unwrap();
    (seed, enrolled)
}

pub async fn prove(identity: &Identity, session: &Session, code: &str) -> Result<SignedIn, SecondStepError> {
    identity
        .prove_second_factor(session, &trail(), code.into(), None)
        .await
}

pub fn standing(session: &Session) -> SecondFactor {
    session.principal.proof.second_factor
}

#[tokio::test]
async fn a_role_that_requires_one_leads_into_enrolment_and_to_nothing_else() {
    let room = strict().await;
    let alice = room.set_up("alice").await;
    assert_eq!(standing(&alice.session), SecondFactor::ToEnrol);
    let everything = Resource::all(ResourceKind::User);
    assert!(
        room.permit(&alice.session.principal, act::ListUsers, &everything)
            .is_err()
    );
    assert!(
        room.permit(&alice.session.principal, act::SeeSelf, &everything)
            .is_err()
    );
    assert!(
        room.identity
            .sessions_of(&root(), alice.session.user)
            .unwrap()
            .is_empty()
    );
    assert!(room.identity.administrators_at().is_empty());

    let (_, enrolled) = enrol(&room, &alice.session).await;
    assert_eq!(enrolled.recovery_codes.len(), 10);
    let risen = enrolled.signed_in;
    assert_eq!(standing(&risen.session), SecondFactor::Proven);
    assert!(
        room.permit(&risen.session.principal, act::ListUsers, &everything)
            .is_ok()
    );
    assert_eq!(room.identity.administrators_at().len(), 1);
    // The cookie from before the rise opens nothing.
    let (old, new) = (text(&alice.cookie), text(&risen.cookie));
    assert!(room.identity.session(&old, Some(crate::room::BROWSER)).is_none());
    assert!(room.identity.session(&new, Some(crate::room::BROWSER)).is_some());
}

#[tokio::test]
async fn a_password_alone_is_half_a_sign_in_and_a_code_makes_it_whole_once() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(standing(&half.session), SecondFactor::ToProve);
    assert!(half.session.is_half() && half.max_age.is_none());
    let own = Oneself(half.session.user);
    assert!(
        room.permit(&half.session.principal, act::AddFactor, &own)
            .is_err()
    );

    let code = shown(&room, &seed, 0);
    let whole = prove(&room.identity, &half.session, &code).await.unwrap();
    assert_eq!(standing(&whole.session), SecondFactor::Proven);
    assert_eq!(whole.session.id, half.session.id);
    assert!(
        room.identity
            .session(&text(&half.cookie), Some(crate::room::BROWSER))
            .is_none()
    );

    // The same code in another browser, and for step-up.
    let other = room.sign_in("alice", PASSWORD).await.unwrap();
    let again = prove(&room.identity, &other.session, &code).await.unwrap_err();
    assert_eq!(again.slug(), "second-factor-refused");
    let again = room
        .identity
        .step_up(&whole.session, &trail(), Again::Either(code.as_str().into()))
        .await;
    assert!(matches!(
        again,
        Err(StepUpError::Refused(SignInError::Wrong { .. }))
    ));
    // An earlier step, never used, is over too once a later one was.
    let earlier = shown(&room, &seed, -1);
    assert!(prove(&room.identity, &other.session, &earlier).await.is_err());
    let next = shown(&room, &seed, 1);
    assert!(prove(&room.identity, &other.session, &next).await.is_ok());
}

#[tokio::test]
async fn half_a_session_lasts_five_minutes_and_is_remembered_only_when_whole() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let mut asked = typed("alice", PASSWORD);
    asked.remember_me = true;
    let half = room.identity.sign_in(&trail(), asked).await.unwrap();
    let cookie = text(&half.cookie);
    let is_there = || {
        room.identity
            .session(&cookie, Some(crate::room::BROWSER))
            .is_some()
    };
    room.ambient.clock.advance(std::time::Duration::from_secs(299));
    assert!(is_there());
    room.ambient.clock.advance(std::time::Duration::from_secs(1));
    assert!(!is_there(), "a half session must end after five minutes");

    let mut asked = typed("alice", PASSWORD);
    asked.remember_me = true;
    let half = room.identity.sign_in(&trail(), asked).await.unwrap();
    let whole = prove(&room.identity, &half.session, &shown(&room, &seed, 0))
        .await
        .unwrap();
    assert!(whole.max_age.is_some());
    room.pass(48 * 60);
    assert!(
        room.identity
            .session(&text(&whole.cookie), Some(crate::room::BROWSER))
            .is_some()
    );
}

#[tokio::test]
async fn who_knows_the_password_gets_five_codes_and_no_more_by_signing_in_again() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    for remaining in [4, 3, 2, 1, 0] {
        // A right password between the tries forgets none of them.
        let half = room.sign_in("alice", PASSWORD).await.unwrap();
        match prove(&room.identity, &half.session, "000000").await.unwrap_err() {
            SecondStepError::Refused(SignInError::Wrong {
                remaining_attempts, ..
            }) => {
                assert_eq!(remaining_attempts, remaining);
            }
            other => panic!("{other:?}"),
        }
    }
    let locked = room.sign_in("alice", PASSWORD).await.unwrap_err();
    assert!(matches!(locked, SignInError::Locked { .. }));
    // From elsewhere the owner comes in, and the half session of the one who tried learns nothing more.
    let half = room
        .identity
        .sign_in(&trail_from("198.51.100.9"), typed("alice", PASSWORD))
        .await
        .unwrap();
    let there = trail_from("198.51.100.9");
    let code = shown(&room, &seed, 0);
    assert!(
        room.identity
            .prove_second_factor(&half.session, &there, code.as_str().into(), None)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_thousand_codes_side_by_side_are_five_guesses() {
    let (room, alice) = Room::with_admin().await;
    enrol(&room, &alice.session).await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let tries = (0..1_000).map(|guess| {
        let (identity, session) = (room.identity.clone(), Arc::clone(&half.session));
        async move { prove(&identity, &session, &format!("{guess:06}")).await }
    });
    let mut wrong = 0;
    for outcome in futures_util::future::join_all(tries).await {
        match outcome.unwrap_err() {
            SecondStepError::Refused(SignInError::Wrong { .. }) => wrong += 1,
            SecondStepError::Refused(SignInError::Locked { .. }) => {}
            // As many are under way as would use up the account's tries if all of them were wrong.
            SecondStepError::Refused(SignInError::Hashing(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wrong, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_code_sent_a_thousand_times_over_two_processes_is_taken_once() {
    let (room, alice) = Room::with_admin().await;
    let (seed, enrolled) = enrol(&room, &alice.session).await;
    let recovery = text(&enrolled.recovery_codes[3]);
    room.pass(1);
    for code in [shown(&room, &seed, 0), recovery] {
        let another = room.another().await;
        let mut tries = Vec::new();
        let mut halves = Vec::new();
        for _ in 0..5 {
            halves.push(room.sign_in("alice", PASSWORD).await.unwrap().session);
        }
        for count in 0..1_000_usize {
            let identity = if count % 2 == 0 {
                room.identity.clone()
            } else {
                another.clone()
            };
            let (session, code) = (Arc::clone(&halves[count % halves.len()]), code.clone());
            tries.push(async move { prove(&identity, &session, &code).await.is_ok() });
        }
        let taken = futures_util::future::join_all(tries)
            .await
            .into_iter()
            .filter(|ok| *ok)
            .count();
        assert_eq!(taken, 1, "{code}");
        // The others were guesses, between five and ten of them as they fell: ten are an account's in an hour.
        room.pass(61);
    }
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_device_and_new_ones_end_the_old() {
    let (room, alice) = Room::with_admin().await;
    let (_, enrolled) = enrol(&room, &alice.session).await;
    let codes: Vec<String> = enrolled.recovery_codes.iter().map(text).collect();
    for (count, code) in codes.iter().take(2).enumerate() {
        let half = room.sign_in("alice", PASSWORD).await.unwrap();
        let typed = code.to_uppercase().replace('-', " ");
        assert!(prove(&room.identity, &half.session, &typed).await.is_ok());
        let left = room
            .identity
            .factors_of(&root(), alice.session.user)
            .unwrap()
            .recovery_codes_left;
        assert_eq!(left, 9 - count);
    }
    let principal = &enrolled.signed_in.session.principal;
    let own = Oneself(alice.session.user);
    let permit = room.permit(principal, act::RenewRecoveryCodes, &own).unwrap();
    let fresh = room.identity.renew_recovery_codes(&permit).await.unwrap();
    assert_eq!(fresh.len(), 10);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert!(prove(&room.identity, &half.session, &codes[5]).await.is_err());
    assert!(
        prove(&room.identity, &half.session, &text(&fresh[5]))
            .await
            .is_ok()
    );
    for code in &codes {
        assert!(
            !room.holds_anywhere(code),
            "a recovery code lies somewhere in clear"
        );
    }
}

#[tokio::test]
async fn neither_the_seed_nor_a_code_lies_anywhere() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let code = shown(&room, &seed, 0);
    prove(&room.identity, &half.session, &code).await.unwrap();
    prove(&room.identity, &half.session, "canary-of-a-code")
        .await
        .unwrap_err();
    // Six digits stand somewhere by chance; what was typed in their place does not.
    for secret in [seed.as_str(), "canary-of-a-code"] {
        assert!(!room.holds_anywhere(secret), "{secret}");
    }
    let bytes = BASE32_NOPAD.decode(seed.as_bytes()).unwrap();
    assert!(!room.holds_anywhere_bytes(&bytes));
}

#[tokio::test]
async fn old_sessions_and_tokens_made_by_a_password_alone_end_with_enrolment() {
    let (room, alice) = Room::with_admin().await;
    let mut asked = typed("alice", PASSWORD);
    asked.remember_me = true;
    let elsewhere = room.identity.sign_in(&trail(), asked).await.unwrap();
    let draft = room.identity.draft_token(alice.session.user);
    let permit = room
        .permit(&alice.session.principal, act::CreateToken, &draft)
        .unwrap();
    let before = room
        .identity
        .create_token(&permit, new_token("before"))
        .await
        .unwrap();
    let by_root = room.token(alice.session.user, new_token("by-root")).await;
    let (_, enrolled) = enrol(&room, &alice.session).await;

    assert!(
        room.identity
            .session(&text(&elsewhere.cookie), Some(crate::room::BROWSER))
            .is_none()
    );
    let address = "192.0.2.7".parse().unwrap();
    let nodes = Resource::all(ResourceKind::Node);
    let worthless = room.identity.bearer(&text(&before.token), address).unwrap();
    assert!(room.permit(&worthless, act::ListNodes, &nodes).is_err());
    let good = room.identity.bearer(&by_root, address).unwrap();
    assert!(room.permit(&good, act::ListNodes, &nodes).is_ok());

    let session = &enrolled.signed_in.session;
    let draft = room.identity.draft_token(session.user);
    let permit = room.permit(&session.principal, act::CreateToken, &draft).unwrap();
    let after = room
        .identity
        .create_token(&permit, new_token("after"))
        .await
        .unwrap();
    let good = room.identity.bearer(&text(&after.token), address).unwrap();
    assert!(room.permit(&good, act::ListNodes, &nodes).is_ok());
}

#[tokio::test]
async fn a_code_steps_up() {
    let (room, alice) = Room::with_admin().await;
    let (seed, enrolled) = enrol(&room, &alice.session).await;
    let session = enrolled.signed_in.session;
    room.pass(11);
    let users = Resource::all(ResourceKind::User);
    let fresh_session = room.identity.session_by_id(session.id).unwrap();
    assert!(
        room.permit(&fresh_session.principal, act::CreateUser, &users)
            .is_err()
    );
    let code: SecretString = shown(&room, &seed, 0).into();
    let risen = room
        .identity
        .step_up(&session, &trail(), Again::Either(code))
        .await
        .unwrap();
    assert!(
        room.permit(&risen.session.principal, act::CreateUser, &users)
            .is_ok()
    );
}
