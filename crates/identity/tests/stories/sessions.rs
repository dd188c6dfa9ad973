//! How sessions go on, rise and end.

use watchroom_identity::{Again, EndError, SignInError, StepUpError};
use watchroom_model::PageRequest;
use watchroom_policy::{Reason, Resource, ResourceKind, act};
use watchroom_store::AuditFilter;

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

/// Alice's remembered browser and what is asked for it.
async fn remembered() -> (Room, String) {
    let (room, _) = Room::with_admin().await;
    let mut typed = typed("alice", PASSWORD);
    typed.remember_me = true;
    let alice = room.identity.sign_in(&trail(), typed).await.unwrap();
    (room, text(&alice.cookie))
}

/// The next cookie of whoever shows this one.
async fn rotated(room: &Room, cookie: &str) -> Option<String> {
    let session = room.identity.session(cookie, Some(BROWSER)).unwrap();
    let on = Resource::all(ResourceKind::Session);
    let permit = room.permit(&session.principal, act::StayActive, &on).unwrap();
    let next = room
        .identity
        .rotate_cookie(&permit, &session, cookie)
        .await
        .unwrap();
    next.map(|(next, _)| text(&next))
}

#[tokio::test]
async fn the_cookie_of_a_remembered_browser_changes_and_a_copy_of_it_is_found_out() {
    let (room, first) = remembered().await;
    let is_good = |cookie: &str| room.identity.session(cookie, Some(BROWSER)).is_some();
    assert_eq!(rotated(&room, &first).await, None, "it is new");
    room.pass(60);
    let second = rotated(&room, &first).await.unwrap();
    assert_ne!(second, first);
    assert!(!room.holds_anywhere(&second) && !room.holds_anywhere(second.split('.').nth(1).unwrap()));
    assert!(is_good(&first), "the answer may have been lost");
    room.pass(5);
    assert!(is_good(&first));
    assert!(is_good(&second));
    assert!(is_good(&first), "it was on its way");
    room.pass(61);
    let third = rotated(&room, &second).await.unwrap();
    let restarted = room.another().await;
    assert!(restarted.session(&third, Some(BROWSER)).is_some());
    assert!(is_good(&third));
    // A copy that was made long ago, of the very first: whoever shows it, the session ends.
    assert!(!is_good(&first));
    eventually("the session is over", || !is_good(&third)).await;
    assert!(room.another().await.session(&third, Some(BROWSER)).is_none());
    let log = room.store.audit();
    let page = log
        .page(&AuditFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    let found = page
        .items
        .iter()
        .filter(|entry| entry.action == "session.cookie_reused");
    let found: Vec<_> = found.map(|entry| entry.event_type.word()).collect();
    assert_eq!(found, ["SECURITY"]);
}

#[tokio::test]
async fn the_cookie_before_is_good_for_a_minute_once_the_new_one_was_shown() {
    let (room, first) = remembered().await;
    room.pass(60);
    let second = rotated(&room, &first).await.unwrap();
    let is_good = |cookie: &str| room.identity.session(cookie, Some(BROWSER)).is_some();
    assert!(is_good(&second));
    room.pass(1);
    assert!(!is_good(&first));
    eventually("the session is over", || !is_good(&second)).await;
}

#[tokio::test]
async fn of_many_that_change_a_cookie_at_once_one_does_and_a_new_proof_begins_anew() {
    let (room, first) = remembered().await;
    room.pass(60);
    let all = futures_util::future::join_all((0..100).map(|_| rotated(&room, &first))).await;
    let second: Vec<_> = all.into_iter().flatten().collect();
    assert_eq!(second.len(), 1);
    let session = room.identity.session(&second[0], Some(BROWSER)).unwrap();
    let risen = room
        .identity
        .step_up(&session, &trail(), Again::Either(PASSWORD.into()))
        .await
        .unwrap();
    let risen = text(&risen.cookie);
    assert!(!risen.contains('.'));
    assert!(
        room.identity.session(&second[0], Some(BROWSER)).is_none(),
        "it names nothing now"
    );
    assert!(room.identity.session(&risen, Some(BROWSER)).is_some());
    assert!(
        room.identity
            .session(&format!("{risen}.x"), Some(BROWSER))
            .is_none()
    );
    assert!(room.identity.session(&risen, Some(BROWSER)).is_some());
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
        .step_up(&alice.session, &trail(), Again::Either("wrong".into()))
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
        .step_up(&alice.session, &trail(), Again::Either(PASSWORD.into()))
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
