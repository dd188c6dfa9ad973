//! Locks and roles outlive a restart, and locks are over by themselves.

use watchroom_identity::{Identity, LockTarget, LockView, NewLock, RoleDraft, SignInError};
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Reason, Resource, ResourceKind, act, permission};

use super::room::{BROWSER, PASSWORD, Room, eventually, new_token, root, text, trail, typed};

async fn lock(room: &Room, target: LockTarget, minutes: u64) -> LockView {
    let permit = room
        .permit(&root(), act::CreateLock, &room.identity.draft_lock())
        .unwrap();
    let new = NewLock {
        target,
        for_s: minutes * 60,
        reason: "a drill".to_owned(),
        confirm: false,
    };
    room.identity.make_lock(&permit, new).await.unwrap()
}

async fn is_kept_out(identity: &Identity, name: &str) -> bool {
    match identity.sign_in(&trail(), typed(name, PASSWORD)).await {
        Err(SignInError::Forbidden(refusal)) => {
            assert_eq!(refusal.reason, Reason::Locked);
            assert_eq!(
                (refusal.kind(), refusal.slug()),
                (FaultKind::Locked, "access-locked")
            );
            true
        }
        other => {
            other.unwrap();
            false
        }
    }
}

#[tokio::test]
async fn a_locked_person_stays_out_over_a_restart_until_the_time_is_over() {
    let (room, alice) = Room::with_admin().await;
    let vera = room.user("vera", "viewer").await;
    let cookie = text(&room.sign_in("vera", PASSWORD).await.unwrap().cookie);
    let token = room.token(vera.id, new_token("hers")).await;
    lock(&room, LockTarget::User(vera.id), 10).await;
    assert!(room.identity.session(&cookie, Some(BROWSER)).is_none());
    let restarted = room.another().await;
    for identity in [&room.identity, &restarted] {
        assert!(is_kept_out(identity, "vera").await);
        let bearer = identity.bearer(&token, [127, 0, 0, 1].into()).unwrap();
        assert!(bearer.is_locked(room.ambient.now()));
        let refused = room.permit(&bearer, act::SeeSelf, &Resource::user(vera.id));
        assert_eq!(refused.unwrap_err().reason, Reason::Locked);
        assert!(!is_kept_out(identity, "alice").await);
    }
    assert!(
        room.identity
            .session(&text(&alice.cookie), Some(BROWSER))
            .is_some()
    );
    room.pass(10);
    for identity in [&room.identity, &restarted] {
        let is_open = || {
            let bearer = identity.bearer(&token, [127, 0, 0, 1].into()).unwrap();
            bearer.locked_until.is_none()
        };
        eventually("the lock is let go", is_open).await;
        assert!(!is_kept_out(identity, "vera").await);
    }
    assert!(
        room.identity.session(&cookie, Some(BROWSER)).is_none(),
        "what has ended stays so"
    );
}

#[tokio::test]
async fn a_lock_of_everything_is_heard_by_the_other_process_and_lifted_by_either() {
    let (room, alice) = Room::with_admin().await;
    let other = room.another().await;
    let lock = lock(&room, LockTarget::Everything, 60).await;
    eventually("the other hears of it", || other.closed_until().is_some()).await;
    assert_eq!(other.closed_until(), Some(lock.until));
    let is_out = || other.session(&text(&alice.cookie), Some(BROWSER)).is_none();
    eventually("her session ends there, too", is_out).await;
    let permit = room.permit(&root(), act::LiftLock, &lock).unwrap();
    other.lift_lock(&permit).await.unwrap();
    assert_eq!(other.closed_until(), None);
    eventually("the first hears of it", || room.identity.closed_until().is_none()).await;
    for identity in [&room.identity, &other] {
        let session = identity.session(&text(&alice.cookie), Some(BROWSER));
        assert!(session.is_none(), "what has ended stays so");
    }
    let again = other.lift_lock(&permit).await.unwrap_err();
    assert_eq!(again.kind(), FaultKind::NotFound);
}

#[tokio::test]
async fn a_role_that_people_made_is_there_after_a_restart_and_one_that_is_locked_gives_nothing() {
    let (room, _) = Room::with_admin().await;
    let permit = room
        .permit(&root(), act::CreateRole, &Resource::all(ResourceKind::Role))
        .unwrap();
    let draft = RoleDraft {
        permissions: vec!["nodes:*".to_owned()],
        per_minute: 100,
        requires_second_factor: false,
    };
    room.identity
        .create_role(&permit, "crew", draft.clone())
        .await
        .unwrap();
    let taken = room
        .identity
        .create_role(&permit, "crew", draft)
        .await
        .unwrap_err();
    assert_eq!(taken.slug(), "name-taken");
    let cara = room.user("cara", "crew").await;
    let token = room.token(cara.id, new_token("hers")).await;
    let restarted = room.another().await;
    let gives = |identity: &Identity| {
        let bearer = identity.bearer(&token, [127, 0, 0, 1].into()).unwrap();
        bearer
            .grants
            .iter()
            .any(|grant| grant.role.permissions.has(permission::NODES_MODIFY))
    };
    assert!(gives(&room.identity) && gives(&restarted));
    lock(&room, LockTarget::Role("crew".to_owned()), 5).await;
    assert!(!gives(&room.identity));
    eventually("the other hears of it", || !gives(&restarted)).await;
    assert!(!gives(&room.another().await), "and so does one that starts later");
    room.pass(5);
    eventually("it gives again", || gives(&room.identity) && gives(&restarted)).await;
}
