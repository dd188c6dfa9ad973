//! Changing how one signs in: it takes all that one signs in with, and not whichever of it somebody else may have.

use std::sync::Arc;

use watchroom_identity::{Again, Oneself, Session, SignInError, StepUpError};
use watchroom_policy::{Reason, Resource, act};

use crate::factors::{enrol, prove, shown};
use crate::room::{BROWSER, PASSWORD, Room, cheap, text, trail};

/// Why the session of this administrator may not change how they sign in, by themselves or as an administrator, nor make
/// another way in; none if it may.
fn is_kept_from_factors(room: &Room, session: &Session) -> Option<Reason> {
    let (own, mail) = (Oneself(session.user), Resource::user(session.user));
    let who = &session.principal;
    let mut asked = [
        room.permit(who, act::AddFactor, &own).err(),
        room.permit(who, act::RemoveFactor, &own).err(),
        room.permit(who, act::RenewRecoveryCodes, &own).err(),
        room.permit(who, act::ChangeEmail, &mail).err(),
        room.permit(who, act::TieIdentity, &mail).err(),
        room.permit(who, act::UntieIdentity, &mail).err(),
        room.permit(who, act::ResetFactors, &mail).err(),
        room.permit(who, act::OfferReset, &mail).err(),
        room.permit(who, act::ResetPassword, &mail).err(),
        room.permit(who, act::CreateToken, &room.identity.draft_token(session.user))
            .err(),
    ]
    .map(|refusal| refusal.map(|refusal| refusal.reason));
    asked.sort_by_key(Option::is_some);
    assert_eq!(asked[0], asked[9], "they are refused together");
    asked[0]
}

/// Why this session may not do what any fresh proof is enough for.
fn is_stale(room: &Room, session: &Session) -> Option<Reason> {
    let asked = room.permit(&session.principal, act::ExportUser, &Resource::user(session.user));
    asked.err().map(|refusal| refusal.reason)
}

fn both(password: &str, code: String) -> Again {
    Again::Both {
        password: password.into(),
        code: code.into(),
    }
}

/// Somebody with a second factor whose last proof is older than ten minutes; and the seed of their device.
async fn of_old() -> (Room, Arc<Session>, String) {
    let (room, alice) = Room::with_admin().await;
    let (seed, enrolled) = enrol(&room, &alice.session).await;
    let session = enrolled.signed_in.session;
    assert_eq!(is_kept_from_factors(&room, &session), None, "just enrolled");
    room.pass(11);
    assert_eq!(is_stale(&room, &session), Some(Reason::StepUp));
    (room, session, seed)
}

#[tokio::test]
async fn a_password_or_a_code_alone_changes_no_second_factor() {
    for by_code in [false, true] {
        let (room, session, seed) = of_old().await;
        let alone = match by_code {
            false => PASSWORD.to_owned(),
            true => shown(&room, &seed, 0),
        };
        let again = Again::Either(alone.into());
        let session = room
            .identity
            .step_up(&session, &trail(), again)
            .await
            .unwrap()
            .session;
        assert_eq!(is_stale(&room, &session), None, "any proof will do for that");
        assert_eq!(is_kept_from_factors(&room, &session), Some(Reason::WholeStepUp));
    }
}

#[tokio::test]
async fn both_together_do_for_ten_minutes() {
    let (room, session, seed) = of_old().await;
    let again = both(PASSWORD, shown(&room, &seed, 0));
    let session = room
        .identity
        .step_up(&session, &trail(), again)
        .await
        .unwrap()
        .session;
    assert_eq!(is_kept_from_factors(&room, &session), None);
    room.pass(11);
    assert_eq!(is_kept_from_factors(&room, &session), Some(Reason::WholeStepUp));
    assert!(
        room.holds_anywhere(r#""method":"password and totp""#),
        "the log says by what"
    );
}

#[tokio::test]
async fn one_after_the_other_do_as_long_as_both_are_fresh() {
    let (room, session, seed) = of_old().await;
    let password = Again::Password(PASSWORD.into());
    let session = room
        .identity
        .step_up(&session, &trail(), password)
        .await
        .unwrap()
        .session;
    room.pass(6);
    let code = Again::Code(shown(&room, &seed, 0).into());
    let session = room
        .identity
        .step_up(&session, &trail(), code)
        .await
        .unwrap()
        .session;
    assert_eq!(is_kept_from_factors(&room, &session), None);
    room.pass(5);
    assert_eq!(
        is_kept_from_factors(&room, &session),
        Some(Reason::WholeStepUp),
        "the password is old"
    );
    assert_eq!(is_stale(&room, &session), None);
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_a_lost_device() {
    let (room, alice) = Room::with_admin().await;
    let (_, enrolled) = enrol(&room, &alice.session).await;
    room.pass(11);
    let code = text(&enrolled.recovery_codes[0]);
    let session = enrolled.signed_in.session;
    let risen = room
        .identity
        .step_up(&session, &trail(), both(PASSWORD, code.clone()))
        .await;
    let session = risen.unwrap().session;
    assert_eq!(is_kept_from_factors(&room, &session), None);
    let again = room
        .identity
        .step_up(&session, &trail(), both(PASSWORD, code))
        .await;
    assert!(
        matches!(again, Err(StepUpError::RefusedCode(_))),
        "it is good once"
    );
}

#[tokio::test]
async fn a_wrong_one_of_the_two_is_named_counted_and_changes_nothing() {
    let (room, session, seed) = of_old().await;
    let wrong = both("wrong", shown(&room, &seed, 0));
    let refused = room
        .identity
        .step_up(&session, &trail(), wrong)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            StepUpError::Refused(SignInError::Wrong {
                remaining_attempts: 4,
                ..
            })
        ),
        "{refused:?}"
    );
    // The right password beside it gives back no try: else whoever knows it tries codes without end.
    for left in [3, 2, 1] {
        let wrong = both(PASSWORD, "000000".to_owned());
        let refused = room
            .identity
            .step_up(&session, &trail(), wrong)
            .await
            .unwrap_err();
        let StepUpError::RefusedCode(SignInError::Wrong {
            remaining_attempts, ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(remaining_attempts, left);
    }
    assert_eq!(is_stale(&room, &session), Some(Reason::StepUp));
    // The code that stood beside the wrong password was not spent.
    let right = both(PASSWORD, shown(&room, &seed, 0));
    assert!(room.identity.step_up(&session, &trail(), right).await.is_ok());
}

#[tokio::test]
async fn signing_in_with_both_is_as_good_and_survives_a_restart() {
    let (room, session, seed) = of_old().await;
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let code = shown(&room, &seed, 0);
    let whole = prove(&room.identity, &half.session, &code).await.unwrap();
    assert_eq!(is_kept_from_factors(&room, &whole.session), None);
    let restarted = room.another().await;
    let found = restarted.session(&text(&whole.cookie), Some(BROWSER)).unwrap();
    assert_eq!(is_kept_from_factors(&room, &found), None);
    let found = restarted.session_by_id(session.id).unwrap();
    assert_eq!(is_kept_from_factors(&room, &found), Some(Reason::WholeStepUp));
}

#[tokio::test]
async fn without_a_second_factor_the_password_is_all_there_is() {
    let (room, alice) = Room::with_admin().await;
    room.pass(11);
    assert_eq!(
        is_kept_from_factors(&room, &alice.session),
        Some(Reason::WholeStepUp)
    );
    let password = Again::Password(PASSWORD.into());
    let risen = room
        .identity
        .step_up(&alice.session, &trail(), password)
        .await
        .unwrap();
    assert_eq!(is_kept_from_factors(&room, &risen.session), None);
}

#[tokio::test]
async fn the_last_try_of_the_hour_is_enough_for_both() {
    let mut config = cheap();
    config.lockout.everywhere_failures = 1;
    let room = Room::with(config).await;
    let alice = room.set_up("alice").await;
    let (seed, enrolled) = enrol(&room, &alice.session).await;
    room.pass(11);
    let again = both(PASSWORD, shown(&room, &seed, 0));
    let session = enrolled.signed_in.session;
    let risen = room.identity.step_up(&session, &trail(), again).await;
    assert!(risen.is_ok(), "{:?}", risen.err());
}

#[tokio::test]
async fn a_right_password_makes_nobody_forget_wrong_codes() {
    let (room, mut session, _) = of_old().await;
    for left in [4, 3, 2, 1] {
        let refused = room
            .identity
            .step_up(&session, &trail(), Again::Code("000000".into()))
            .await;
        let Err(StepUpError::RefusedCode(SignInError::Wrong {
            remaining_attempts, ..
        })) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(remaining_attempts, left);
        let risen = room
            .identity
            .step_up(&session, &trail(), Again::Password(PASSWORD.into()))
            .await;
        session = risen.unwrap().session;
    }
}
