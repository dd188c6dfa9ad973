//! What people are told by mail of what happens to their accounts, and what their letters hide in the database.

use watchroom_identity::ChangePassword;
use watchroom_policy::{Resource, act};

use crate::factors::{enrol, strict};
use crate::links::with_email;
use crate::room::{PASSWORD, Room, root, trail, typed};

const NEW: &str = "Quiet-Lantern9 hums";

#[tokio::test]
async fn a_new_browser_is_told_once_and_a_known_one_is_not() {
    let (room, alice) = with_email("alice").await;
    assert_eq!(room.letters().await, Vec::<String>::new());
    let first = room.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(room.letters().await, ["new_device"]);
    let known = watchroom_identity::SignIn {
        device: Some(first.device.unwrap().cookie),
        ..typed("alice", PASSWORD)
    };
    room.identity.sign_in(&trail(), known).await.unwrap();
    assert_eq!(room.letters().await, ["new_device"]);
    drop(alice);
}

#[tokio::test]
async fn a_changed_and_a_reset_password_are_told_in_the_same_commit() {
    let (room, alice) = with_email("alice").await;
    let on = Resource::user(alice.session.user);
    let permit = room
        .permit(&alice.session.principal, act::ChangePassword, &on)
        .unwrap();
    let change = |old: &str| ChangePassword {
        old: old.into(),
        new: NEW.into(),
        confirm: NEW.into(),
    };
    let wrong = room
        .identity
        .change_password(&permit, &alice.session, change("Wrong-Otter7 drums"));
    assert!(wrong.await.is_err());
    assert_eq!(room.letters().await, Vec::<String>::new(), "nothing was changed");
    let right = room
        .identity
        .change_password(&permit, &alice.session, change(PASSWORD));
    assert!(right.await.is_ok());
    let reset = room.permit(&root(), act::ResetPassword, &on).unwrap();
    room.identity
        .reset_password(&reset, PASSWORD.into())
        .await
        .unwrap();
    assert_eq!(room.letters().await, ["password_changed", "password_changed"]);
    assert!(
        !room.holds_anywhere("An administrator gave your account"),
        "sealed"
    );
}

#[tokio::test]
async fn factors_that_come_and_go_are_told() {
    let room = strict().await;
    let alice = room.set_up("alice").await;
    let user = alice.session.user;
    room.give_email(user, "alice@home.example").await;
    let (_, enrolled) = enrol(&room, &alice.session).await;
    let reset = room
        .permit(
            &root(),
            act::ResetFactors,
            &Resource::user(enrolled.signed_in.session.user),
        )
        .unwrap();
    room.identity.reset_factors(&reset).await.unwrap();
    assert_eq!(room.letters().await, ["factors_changed", "factors_changed"]);
}

#[tokio::test]
async fn who_has_no_address_gets_no_letter_and_loses_nothing_by_it() {
    let (room, _) = Room::with_admin().await;
    room.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(room.letters().await, Vec::<String>::new());
}
