//! Accounts: making, showing, disabling, and their passwords.

use watchroom_identity::{
    ChangePassword, ChangePasswordError, ChangeUserError, CreateUserError, NewUser, ResetPasswordError,
    SignedIn, TokenFault, UserStatus, UserView,
};
use watchroom_kit::Fault;
use watchroom_model::PageRequest;
use watchroom_policy::{Resource, ResourceKind, act};

use crate::room::{BROWSER, PASSWORD, Room, eventually, new_token, root, text};

const OTHER: &str = "Grey.Heron4 sails";

async fn disable(room: &Room, user: &UserView) -> Result<UserView, ChangeUserError> {
    let permit = room.permit(&root(), act::ChangeUser, user).unwrap();
    room.identity.change_status(&permit, UserStatus::Disabled).await
}

fn is_live(room: &Room, signed_in: &SignedIn) -> bool {
    room.identity
        .session(&text(&signed_in.cookie), Some(BROWSER))
        .is_some()
}

#[tokio::test]
async fn a_name_is_taken_whatever_its_case() {
    let (room, _) = Room::with_admin().await;
    let taken = room.try_user("ALICE", "viewer", PASSWORD).await.unwrap_err();
    assert!(matches!(taken, CreateUserError::NameTaken));
    assert_eq!(taken.fields()[0].field, "name");
    let odd = room.try_user("bob", "emperor", PASSWORD).await.unwrap_err();
    assert!(matches!(odd, CreateUserError::Role(_)));
    let weak = room.try_user("bob", "viewer", "bob").await.unwrap_err();
    assert!(weak.fields().len() >= 5, "{:?}", weak.fields());
}

#[tokio::test]
async fn a_long_password_counts_to_its_last_character() {
    let (room, _) = Room::with_admin().await;
    // Longer than the 72 bytes after which some hashes stop reading, with spaces at both ends.
    let long = format!(
        " Seven lanterns over a quiet harbour. {} ",
        "Grey.Heron4 sails; ".repeat(11)
    );
    assert_eq!(long.chars().count(), 248);
    room.try_user("victor", "viewer", &long).await.unwrap();
    assert!(room.sign_in("victor", &long).await.is_ok());
    let mut others = vec![long.trim().to_owned(), long.to_lowercase()];
    others.push(format!("{}.", &long[..long.len() - 1]));
    for other in others {
        assert!(room.sign_in("victor", &other).await.is_err(), "{other:?}");
    }
}

#[tokio::test]
async fn an_account_without_a_password_is_refused_for_now() {
    let (room, _) = Room::with_admin().await;
    let permit = room
        .permit(&root(), act::CreateUser, &Resource::all(ResourceKind::User))
        .unwrap();
    let new = NewUser {
        name: "bob".parse().unwrap(),
        role: "viewer".to_owned(),
        password: None,
        display_name: None,
        email: None,
        call_sign: None,
    };
    let refused = room.identity.create_user(&permit, new).await.unwrap_err();
    assert_eq!(refused.fields()[0].code, "required");
}

#[tokio::test]
async fn a_disabled_persons_session_and_token_end_at_once() {
    let (room, _) = Room::with_admin().await;
    let victor = room.user("victor", "viewer").await;
    let signed_in = room.sign_in("victor", PASSWORD).await.unwrap();
    let token = room.token(victor.id, new_token("ci")).await;
    let here = "192.0.2.7".parse().unwrap();
    let elsewhere = room.another().await;
    assert_eq!(
        disable(&room, &victor).await.unwrap().status,
        UserStatus::Disabled
    );
    assert!(!is_live(&room, &signed_in));
    assert_eq!(
        room.identity.bearer(&token, here).unwrap_err(),
        TokenFault::Unknown
    );
    let heard = || {
        elsewhere
            .session(&text(&signed_in.cookie), Some(BROWSER))
            .is_none()
    };
    eventually("the other process hearing of it", heard).await;
    assert!(elsewhere.bearer(&token, here).is_err());

    let permit = room.permit(&root(), act::ChangeUser, &victor).unwrap();
    room.identity
        .change_status(&permit, UserStatus::Active)
        .await
        .unwrap();
    assert!(!is_live(&room, &signed_in), "an ended session does not come back");
    assert!(room.identity.bearer(&token, here).is_ok());
    assert!(room.sign_in("victor", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_last_active_administrator_cannot_be_disabled() {
    let (room, _) = Room::with_admin().await;
    let alice = room
        .identity
        .user_named(&root(), &"alice".parse().unwrap())
        .unwrap();
    let bella = room.user("bella", "admin").await;
    assert!(disable(&room, &bella).await.is_ok());
    assert!(matches!(
        disable(&room, &alice).await,
        Err(ChangeUserError::LastAdministrator)
    ));
    assert!(room.sign_in("alice", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn changing_ones_password_ends_all_other_sessions() {
    let (room, alice) = Room::with_admin().await;
    let other = room.sign_in("alice", PASSWORD).await.unwrap();
    let on = Resource::user(alice.session.user);
    let permit = room
        .permit(&alice.session.principal, act::ChangePassword, &on)
        .unwrap();
    let change = |old: &str, new: &str, confirm: &str| ChangePassword {
        old: old.into(),
        new: new.into(),
        confirm: confirm.into(),
    };
    let differs = room
        .identity
        .change_password(&permit, &alice.session, change(PASSWORD, OTHER, "x"))
        .await;
    assert_eq!(differs.unwrap_err().fields()[0].field, "confirm_password");
    let wrong = room
        .identity
        .change_password(&permit, &alice.session, change("wrong", OTHER, OTHER))
        .await;
    assert!(matches!(wrong, Err(ChangePasswordError::Old(_))));
    let renewed = room
        .identity
        .change_password(&permit, &alice.session, change(PASSWORD, OTHER, OTHER))
        .await;
    let renewed = renewed.unwrap();
    assert!(is_live(&room, &renewed) && !is_live(&room, &alice) && !is_live(&room, &other));
    assert!(room.sign_in("alice", PASSWORD).await.is_err());
    assert!(room.sign_in("alice", OTHER).await.is_ok());
}

#[tokio::test]
async fn a_reset_password_ends_all_sessions() {
    let (room, alice) = Room::with_admin().await;
    let victor = room.user("victor", "viewer").await;
    let signed_in = room.sign_in("victor", PASSWORD).await.unwrap();
    let permit = room
        .permit(&alice.session.principal, act::ResetPassword, &victor)
        .unwrap();
    let weak = room.identity.reset_password(&permit, "victor".into()).await;
    assert!(matches!(weak, Err(ResetPasswordError::New(_))));
    room.identity.reset_password(&permit, OTHER.into()).await.unwrap();
    assert!(!is_live(&room, &signed_in) && is_live(&room, &alice));
    assert!(room.sign_in("victor", OTHER).await.is_ok());
}

#[tokio::test]
async fn a_viewer_sees_only_herself_among_the_people() {
    let (room, alice) = Room::with_admin().await;
    room.user("vera", "viewer").await;
    let vera = room.sign_in("vera", PASSWORD).await.unwrap();
    let names = async |principal: &watchroom_policy::Principal| {
        let page = room
            .identity
            .users(principal, &PageRequest::default())
            .await
            .unwrap();
        page.items
            .into_iter()
            .map(|view| view.name.to_string())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&vera.session.principal).await, ["vera".to_owned()].into());
    assert_eq!(
        names(&alice.session.principal).await,
        ["alice".to_owned(), "vera".to_owned()].into()
    );
    assert!(
        room.identity
            .user(&vera.session.principal, alice.session.user)
            .is_err()
    );
    assert_eq!(
        room.identity.name_of(alice.session.user),
        Some("alice".parse().unwrap())
    );
    let herself = room
        .identity
        .user(&vera.session.principal, vera.session.user)
        .unwrap();
    let shown = serde_json::to_value(&herself).unwrap();
    assert_eq!(shown["roles"], serde_json::json!(["viewer"]));
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["last_sign_in"], "2026-05-04T08:00:00Z");
    assert_eq!(shown.get("password_hash"), None);
}
