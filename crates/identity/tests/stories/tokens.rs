//! What API tokens open, and what they do not.

use std::net::IpAddr;
use std::time::Duration;

use watchroom_identity::{CreateTokenError, NewToken, TokenFault};
use watchroom_model::PageRequest;
use watchroom_policy::{PermissionSet, Reason, Resource, ResourceKind, act};

use crate::room::{Room, eventually, new_token, root, text};

fn here() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

fn only(permissions: &[&str]) -> Option<PermissionSet> {
    Some(PermissionSet::parse(permissions.iter().copied()).unwrap())
}

#[tokio::test]
async fn a_token_acts_for_its_owner() {
    let (room, alice) = Room::with_admin().await;
    let token = room.token(alice.session.user, new_token("ci")).await;
    let bearer = room.identity.bearer(&token, here()).unwrap();
    assert_eq!(bearer.user(), Some(alice.session.user));
    assert!(
        room.permit(&bearer, act::ListNodes, &Resource::all(ResourceKind::Node))
            .is_ok()
    );
    assert_eq!(room.another().await.bearer(&token, here()).unwrap(), bearer);
    assert!(!room.holds_anywhere(&token));
}

#[tokio::test]
async fn a_token_does_no_more_than_it_was_given() {
    let (room, alice) = Room::with_admin().await;
    let narrow = NewToken {
        permissions: only(&["nodes:read"]),
        ..new_token("narrow")
    };
    let bearer = room
        .identity
        .bearer(&room.token(alice.session.user, narrow).await, here())
        .unwrap();
    assert!(
        room.permit(&bearer, act::ListNodes, &Resource::all(ResourceKind::Node))
            .is_ok()
    );
    let refused = room
        .permit(&bearer, act::ListServers, &Resource::all(ResourceKind::Server))
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Missing);
}

#[tokio::test]
async fn a_token_can_do_no_more_than_its_owner() {
    let (room, _) = Room::with_admin().await;
    let victor = room.user("victor", "viewer").await;
    let greedy = NewToken {
        permissions: only(&["nodes:*"]),
        ..new_token("greedy")
    };
    let permit = room
        .permit(&root(), act::CreateToken, &room.identity.draft_token(victor.id))
        .unwrap();
    let refused = room.identity.create_token(&permit, greedy).await;
    assert!(matches!(refused, Err(CreateTokenError::MoreThanOwner)));
}

#[tokio::test]
async fn a_token_cannot_make_tokens() {
    let (room, alice) = Room::with_admin().await;
    let sensitive = NewToken {
        allow_sensitive: true,
        ..new_token("all")
    };
    let bearer = room
        .identity
        .bearer(&room.token(alice.session.user, sensitive).await, here())
        .unwrap();
    let draft = room.identity.draft_token(alice.session.user);
    let permit = room.permit(&bearer, act::CreateToken, &draft).unwrap();
    let refused = room.identity.create_token(&permit, new_token("child")).await;
    assert!(matches!(refused, Err(CreateTokenError::ByToken)));
}

#[tokio::test]
async fn only_a_sensitive_token_passes_step_up() {
    let (room, alice) = Room::with_admin().await;
    let people = Resource::all(ResourceKind::User);
    let plain = room
        .identity
        .bearer(&room.token(alice.session.user, new_token("plain")).await, here())
        .unwrap();
    let refused = room.permit(&plain, act::CreateUser, &people).unwrap_err();
    assert_eq!(refused.reason, Reason::TokenNotSensitive);
    let sensitive = NewToken {
        allow_sensitive: true,
        ..new_token("sensitive")
    };
    let token = room.token(alice.session.user, sensitive).await;
    assert!(
        room.permit(
            &room.identity.bearer(&token, here()).unwrap(),
            act::CreateUser,
            &people
        )
        .is_ok()
    );
}

#[tokio::test]
async fn a_token_holds_where_and_until_when_it_was_made_for() {
    let (room, alice) = Room::with_admin().await;
    let bound = NewToken {
        networks: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        expires_in: Some(Duration::from_secs(3_600)),
        ..new_token("bound")
    };
    let token = room.token(alice.session.user, bound).await;
    let from = |address: &str| room.identity.bearer(&token, address.parse().unwrap()).map(drop);
    assert_eq!(from("192.0.2.9"), Ok(()));
    assert_eq!(from("::ffff:192.0.2.9"), Ok(()));
    assert_eq!(from("2001:db8::1"), Ok(()));
    assert_eq!(from("198.51.100.1"), Err(TokenFault::Network));
    room.pass(60);
    assert_eq!(from("192.0.2.9"), Err(TokenFault::Expired));
}

#[tokio::test]
async fn a_token_lasts_ninety_days_unless_somebody_says() {
    let (room, alice) = Room::with_admin().await;
    let token = room.token(alice.session.user, new_token("usual")).await;
    room.pass(90 * 24 * 60 - 1);
    assert!(room.identity.bearer(&token, here()).is_ok());
    room.pass(1);
    assert_eq!(
        room.identity.bearer(&token, here()).unwrap_err(),
        TokenFault::Expired
    );
    let permit = room
        .permit(
            &root(),
            act::CreateToken,
            &room.identity.draft_token(alice.session.user),
        )
        .unwrap();
    let endless = NewToken {
        expires_in: Some(Duration::from_secs(400 * 86_400)),
        ..new_token("endless")
    };
    let refused = room.identity.create_token(&permit, endless).await;
    assert!(matches!(refused, Err(CreateTokenError::Lifetime { .. })));
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_and_frees_its_name() {
    let (room, alice) = Room::with_admin().await;
    let token = room.token(alice.session.user, new_token("ci")).await;
    let elsewhere = room.another().await;
    let permit = room
        .permit(
            &root(),
            act::CreateToken,
            &room.identity.draft_token(alice.session.user),
        )
        .unwrap();
    let taken = room.identity.create_token(&permit, new_token("ci")).await;
    assert!(matches!(taken, Err(CreateTokenError::NameTaken)));
    let list = room
        .identity
        .tokens(&alice.session.principal, &PageRequest::default())
        .await
        .unwrap();
    let [view] = list.items.as_slice() else {
        panic!("one token was made: {list:?}")
    };
    let permit = room
        .permit(&alice.session.principal, act::RevokeToken, view)
        .unwrap();
    room.identity.revoke_token(&permit).await.unwrap();
    assert_eq!(
        room.identity.bearer(&token, here()).unwrap_err(),
        TokenFault::Unknown
    );
    assert_eq!(
        room.identity.bearer_again(view.id, here()).unwrap_err(),
        TokenFault::Unknown
    );
    eventually("the other process hearing of it", || {
        elsewhere.bearer(&token, here()).is_err()
    })
    .await;
    assert!(room.identity.revoke_token(&permit).await.is_err());
    room.token(alice.session.user, new_token("ci")).await;
    let list = room
        .identity
        .tokens(&alice.session.principal, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(list.items.len(), 1);
}

#[tokio::test]
async fn what_is_no_token_is_told_apart_without_looking_it_up() {
    let (room, alice) = Room::with_admin().await;
    let token = room.token(alice.session.user, new_token("ci")).await;
    let last = if token.ends_with('0') { "1" } else { "0" };
    let bent = format!("{}{last}", &token[..token.len() - 1]);
    assert_eq!(
        room.identity.bearer(&bent, here()).unwrap_err(),
        TokenFault::Malformed
    );
    let (other, _) = Room::with_admin().await;
    assert_eq!(
        other.identity.bearer(&token, here()).unwrap_err(),
        TokenFault::Unknown
    );
}

#[tokio::test]
async fn people_see_their_own_tokens_and_administrators_everybodys() {
    let (room, alice) = Room::with_admin().await;
    let victor = room.user("victor", "viewer").await;
    room.token(alice.session.user, new_token("hers")).await;
    let token = room.token(victor.id, new_token("his")).await;
    let bearer = room.identity.bearer(&token, here()).unwrap();
    let own = room
        .identity
        .tokens(&bearer, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(
        own.items
            .iter()
            .map(|view| view.name.as_str())
            .collect::<Vec<_>>(),
        ["his"]
    );
    let all = room
        .identity
        .tokens(&alice.session.principal, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(all.items.len(), 2);
    let hers = all
        .items
        .iter()
        .find(|view| view.owner == alice.session.user)
        .unwrap();
    assert!(room.identity.token(&bearer, hers.id).await.is_err());
    assert_eq!(text(&token.into()).len(), 56);
}
