//! Identities that are tied and untied, and what a provider's word is worth beside other ways in.

use watchroom_identity::{Outsider, SignedIn, TieError};
use watchroom_policy::{Resource, act};

use crate::outside::{ann, comes_in, offered, open_house, roles, tie};
use crate::room::{BROWSER, PASSWORD, Room, root, text};

#[tokio::test]
async fn untying_ends_what_came_by_it_and_the_last_way_in_stays() {
    let (room, _) = Room::with_admin().await;
    let first = comes_in(&room, &ann(), &open_house()).await;
    let user = first.session.user;
    let tied = room.identity.outside_of(&root(), user).await.unwrap();
    let untie = async || {
        let permit = room
            .permit(&root(), act::UntieIdentity, &Resource::user(user))
            .unwrap();
        room.identity.untie(&permit, tied[0].id).await
    };
    assert!(matches!(untie().await, Err(TieError::LastWay)));

    let permit = room
        .permit(&root(), act::ResetPassword, &Resource::user(user))
        .unwrap();
    room.identity
        .reset_password(&permit, PASSWORD.into())
        .await
        .unwrap();
    let by_provider = comes_in(&room, &ann(), &open_house()).await;
    let by_password = room.sign_in("ann", PASSWORD).await.unwrap();
    untie().await.unwrap();
    let lives = |signed_in: &SignedIn| {
        room.identity
            .session(&text(&signed_in.cookie), Some(BROWSER))
            .is_some()
    };
    assert!(!lives(&by_provider) && lives(&by_password));
    assert_eq!(roles(&room, &by_password.session), Vec::<String>::new());
    assert!(matches!(untie().await, Err(TieError::Unknown)));
}

/// Ann, who came by her provider and was given a password too.
async fn ann_with_password(room: &Room) -> SignedIn {
    let first = comes_in(room, &ann(), &open_house()).await;
    let permit = room
        .permit(&root(), act::ResetPassword, &Resource::user(first.session.user))
        .unwrap();
    room.identity
        .reset_password(&permit, PASSWORD.into())
        .await
        .unwrap();
    room.sign_in("ann", PASSWORD).await.unwrap()
}

#[tokio::test]
async fn what_a_providers_rules_gave_holds_in_sessions_that_began_there_alone() {
    let (room, _) = Room::with_admin().await;
    let by_password = ann_with_password(&room).await;
    let by_provider = comes_in(&room, &ann(), &open_house()).await;
    let held = |signed_in: &SignedIn| -> Vec<String> {
        let grants = signed_in.session.principal.grants.iter();
        grants.map(|grant| grant.role.name.clone()).collect()
    };
    assert_eq!(held(&by_provider), ["member"]);
    assert_eq!(
        held(&by_password),
        Vec::<String>::new(),
        "nobody asked the rules again"
    );
}

#[tokio::test]
async fn untying_an_identity_that_somebody_else_tied_puts_them_out_and_is_told() {
    let (room, _) = Room::with_admin().await;
    let by_password = ann_with_password(&room).await;
    let (user, session) = (by_password.session.user, &by_password.session);
    let told = async || {
        let letters = room.letters().await.into_iter();
        letters.filter(|kind| kind == "identities_changed").count()
    };
    let before = told().await;
    let eve = Outsider {
        subject: "4712".into(),
        user_name: Some("eve".into()),
        email: None,
        ..ann()
    };
    let offer = offered(&room, &eve, Some(session)).await;
    tie(&room, session, &offer.text).await.unwrap();
    let by_eve = comes_in(&room, &eve, &open_house()).await;
    assert_eq!(by_eve.session.user, user);
    let tied = room.identity.outside_of(&root(), user).await.unwrap();
    let eves = tied.iter().find(|one| one.label == "eve").unwrap().id;
    let permit = room
        .permit(&root(), act::UntieIdentity, &Resource::user(user))
        .unwrap();
    room.identity.untie(&permit, eves).await.unwrap();
    assert!(
        room.identity
            .session(&text(&by_eve.cookie), Some(BROWSER))
            .is_none()
    );
    assert_eq!(told().await, before + 2, "tied and untied");
}
