//! How sessions go on, rise and end.

use watchroom_identity::{EndError, SignInError, StepUpError};
use watchroom_policy::{Reason, Resource, ResourceKind, act};

use crate::room::{BROWSER, PASSWORD, Room, eventually, root, text, trail, typed};

#[tokio::test]
async fn a_session_ends_eight_hours_after_the_last_act() {
    let (room, alice) = Room::with_admin().await;
    let cookie = text(&alice.cookie);
    room.pass(7 * 60);
    let session = room.identity.session(&cookie, Some(BROWSER)).unwrap();
    assert_eq!(room.identity.stay_active(&session), 8 * 3_600);
    room.pass(8 * 60 - 1);
    assert!(
        room.identity.session(&cookie, Some(BROWSER)).is_some(),
        "looking does not keep it alive"
    );
    room.pass(1);
    assert!(room.identity.session(&cookie, Some(BROWSER)).is_none());
    room.identity.touch(&session);
    assert!(
        room.identity.session(&cookie, Some(BROWSER)).is_none(),
        "what is over stays over"
    );
}

#[tokio::test]
async fn a_session_ends_after_a_day_whatever_the_person_does() {
    let (room, alice) = Room::with_admin().await;
    let cookie = text(&alice.cookie);
    for _ in 0..23 {
        room.pass(60);
        room.identity
            .touch(&room.identity.session(&cookie, Some(BROWSER)).unwrap());
    }
    let session = room.identity.session(&cookie, Some(BROWSER)).unwrap();
    assert_eq!(room.identity.stay_active(&session), 3_600);
    room.pass(60);
    assert!(room.identity.session(&cookie, Some(BROWSER)).is_none());
}

#[tokio::test]
async fn a_remembered_browser_stays_for_thirty_days() {
    let (room, _) = Room::with_admin().await;
    let mut remembered = typed("alice", PASSWORD);
    remembered.remember_me = true;
    let alice = room.identity.sign_in(&trail(), remembered).await.unwrap();
    assert_eq!(alice.max_age.map(|age| age.as_secs()), Some(30 * 24 * 3_600));
    room.pass(30 * 24 * 60 - 1);
    assert!(
        room.identity
            .session(&text(&alice.cookie), Some(BROWSER))
            .is_some()
    );
    room.pass(1);
    assert!(
        room.identity
            .session(&text(&alice.cookie), Some(BROWSER))
            .is_none()
    );
}

#[tokio::test]
async fn another_browser_with_the_same_cookie_is_asked_again() {
    let (room, alice) = Room::with_admin().await;
    let cookie = text(&alice.cookie);
    assert!(room.identity.session(&cookie, Some("Another/2.0")).is_none());
    assert!(room.identity.session(&cookie, None).is_none());
    assert!(room.identity.session(&cookie, Some(BROWSER)).is_some());
    assert!(room.identity.session("", Some(BROWSER)).is_none());
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_ends_with_sign_out() {
    let (room, alice) = Room::with_admin().await;
    let cookie = text(&alice.cookie);
    let restarted = room.another().await;
    let session = restarted.session(&cookie, Some(BROWSER)).unwrap();
    assert!(restarted.check_csrf(&session, &room.identity.csrf_token(&alice.session)));
    assert!(!restarted.check_csrf(&session, "") && !restarted.check_csrf(&session, "guess"));
    let permit = room
        .permit(&session.principal, act::SignOut, session.as_ref())
        .unwrap();
    restarted.sign_out(&permit, &session).await.unwrap();
    assert!(restarted.session(&cookie, Some(BROWSER)).is_none());
    let heard = || room.identity.session(&cookie, Some(BROWSER)).is_none();
    eventually("the other process hearing of it", heard).await;
}

#[tokio::test]
async fn people_end_their_own_sessions_and_nobody_elses() {
    let (room, alice) = Room::with_admin().await;
    room.user("victor", "viewer").await;
    let victor = room.sign_in("victor", PASSWORD).await.unwrap();
    let other = room.sign_in("victor", PASSWORD).await.unwrap();
    let anywhere = Resource::all(ResourceKind::Session);
    let permit = room
        .permit(&victor.session.principal, act::SignOut, &anywhere)
        .unwrap();
    let stranger = room.identity.end_session(&permit, alice.session.id).await;
    assert!(matches!(stranger, Err(EndError::Unknown(_))));
    room.identity
        .end_session(&permit, other.session.id)
        .await
        .unwrap();
    assert!(
        room.identity
            .session(&text(&other.cookie), Some(BROWSER))
            .is_none()
    );
    assert!(
        room.identity
            .session(&text(&victor.cookie), Some(BROWSER))
            .is_some()
    );
    let permit = room.permit(&root(), act::SignOut, &anywhere).unwrap();
    room.identity
        .end_session(&permit, victor.session.id)
        .await
        .unwrap();
    assert!(room.identity.session_by_id(victor.session.id).is_none());
}

#[tokio::test]
async fn step_up_makes_the_proof_fresh_and_the_old_cookie_worthless() {
    let (room, alice) = Room::with_admin().await;
    let people = Resource::all(ResourceKind::User);
    assert!(
        room.permit(&alice.session.principal, act::CreateUser, &people)
            .is_ok()
    );
    room.pass(11);
    let stale = room
        .permit(&alice.session.principal, act::CreateUser, &people)
        .unwrap_err();
    assert_eq!(stale.reason, Reason::StepUp);
    let wrong = room
        .identity
        .step_up(&alice.session, &trail(), "wrong".into())
        .await;
    assert!(matches!(
        wrong,
        Err(StepUpError::Refused(SignInError::Wrong {
            remaining_attempts: 4,
            ..
        }))
    ));
    let risen = room
        .identity
        .step_up(&alice.session, &trail(), PASSWORD.into())
        .await
        .unwrap();
    assert_eq!(risen.session.id, alice.session.id);
    assert!(
        room.permit(&risen.session.principal, act::CreateUser, &people)
            .is_ok()
    );
    assert!(
        room.identity
            .session(&text(&alice.cookie), Some(BROWSER))
            .is_none()
    );
    assert!(
        room.identity
            .session(&text(&risen.cookie), Some(BROWSER))
            .is_some()
    );
    let csrf = room.identity.csrf_token(&alice.session);
    assert!(
        room.identity.check_csrf(&risen.session, &csrf),
        "forms that are open go on working"
    );
}

#[tokio::test]
async fn sessions_that_are_over_are_removed_and_that_is_written_down() {
    let (room, alice) = Room::with_admin().await;
    room.pass(25 * 60);
    assert!(!room.holds_anywhere("sessions_over"));
    let _restarted = room.another().await;
    eventually("the removal", || room.holds_anywhere(r#""sessions_over":1"#)).await;
    assert!(room.identity.session_by_id(alice.session.id).is_none());
}
