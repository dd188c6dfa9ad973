//! The first administrator.

use watchroom_identity::SetUpError;
use watchroom_kit::Fault;

use crate::room::{BROWSER, PASSWORD, Room, set_up, text, trail};

#[tokio::test]
async fn a_setup_code_works_once() {
    let room = Room::open().await;
    assert!(!room.identity.is_set_up());
    let code = room.identity.setup_code().await.unwrap().unwrap().code;
    let alice = room
        .identity
        .set_up(&trail(), set_up("alice", code.clone()))
        .await
        .unwrap();
    assert!(room.identity.is_set_up());
    assert!(
        room.identity
            .session(&text(&alice.cookie), Some(BROWSER))
            .is_some()
    );
    let again = room.identity.set_up(&trail(), set_up("mallory", code)).await;
    assert!(matches!(again, Err(SetUpError::Done)));
    assert!(room.identity.setup_code().await.unwrap().is_none());
    assert!(room.sign_in("mallory", PASSWORD).await.is_err());
}

#[tokio::test]
async fn a_setup_code_holds_for_an_hour_and_a_new_one_replaces_it() {
    let room = Room::open().await;
    let first = room.identity.setup_code().await.unwrap().unwrap().code;
    let second = room.identity.setup_code().await.unwrap().unwrap().code;
    let replaced = room.identity.set_up(&trail(), set_up("alice", first)).await;
    assert!(matches!(replaced, Err(SetUpError::Code)));
    room.pass(60);
    let late = room.identity.set_up(&trail(), set_up("alice", second)).await;
    assert!(matches!(late, Err(SetUpError::Code)));
    assert!(!room.identity.is_set_up());
}

#[tokio::test]
async fn a_weak_password_can_be_mended_with_the_same_code() {
    let room = Room::open().await;
    let code = room.identity.setup_code().await.unwrap().unwrap().code;
    let mut weak = set_up("alice", code.clone());
    weak.password = "alice".into();
    let refused = room.identity.set_up(&trail(), weak).await.unwrap_err();
    let codes: Vec<_> = refused.fields().into_iter().map(|fault| fault.code).collect();
    assert_eq!(
        codes,
        [
            "too_short",
            "no_upper_case",
            "no_digit",
            "no_special",
            "contains_name",
            "guessable"
        ]
    );
    assert!(
        room.identity
            .set_up(&trail(), set_up("alice", code))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn of_many_set_ups_at_once_one_wins() {
    let room = Room::open().await;
    let code = room.identity.setup_code().await.unwrap().unwrap().code;
    let (t, identity) = (trail(), &room.identity);
    let (one, two, three) = tokio::join!(
        identity.set_up(&t, set_up("alice", code.clone())),
        identity.set_up(&t, set_up("bob", code.clone())),
        identity.set_up(&t, set_up("carol", code.clone())),
    );
    let won = [one, two, three].into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn no_secret_is_stored_as_it_is() {
    let room = Room::open().await;
    let code = room.identity.setup_code().await.unwrap().unwrap().code;
    let alice = room
        .identity
        .set_up(&trail(), set_up("alice", code.clone()))
        .await
        .unwrap();
    assert!(room.holds_anywhere("alice"), "the account itself is there");
    for secret in [text(&code), text(&alice.cookie), PASSWORD.to_owned()] {
        assert!(!room.holds_anywhere(&secret));
    }
}
