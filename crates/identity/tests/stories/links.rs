//! Ways in that work once: invitations, new passwords, confirmed addresses.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use watchroom_identity::{
    Accept, EmailChange, Invite, IssuedLink, LinkError, ResetByLink, SignedIn, UserStatus,
};
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Principal, Resource, ResourceKind, SecondFactor, act};

use crate::factors::{enrol, standing, strict};
use crate::room::{PASSWORD, Room, root, trail};

const NEW: &str = "Quiet-Lantern9 hums";

/// A room whose administrator has an address; nothing has been told there yet.
pub async fn with_email(name: &str) -> (Room, SignedIn) {
    let room = Room::open().await;
    let admin = room.set_up(name).await;
    room.give_email(admin.session.user, &format!("{name}@home.example"))
        .await;
    (room, admin)
}

async fn invited(room: &Room, by: &Arc<Principal>, role: &str) -> Result<IssuedLink, LinkError> {
    let permit = room
        .permit(by, act::InviteUser, &Resource::all(ResourceKind::User))
        .unwrap();
    let (role, email) = (role.to_owned(), None);
    room.identity.invite(&permit, Invite { role, email }).await
}

fn code_of(link: &IssuedLink) -> String {
    let link = link.link.as_deref().expect("a link that is shown");
    link.split_once("#code=")
        .expect("a code behind the hash")
        .1
        .to_owned()
}

fn accept(code: &str, name: &str, password: &str) -> Accept {
    Accept {
        code: code.into(),
        name: name.parse().unwrap(),
        display_name: name.parse().unwrap(),
        password: password.into(),
    }
}

async fn accepted(room: &Room, code: &str, name: &str) -> Result<SignedIn, LinkError> {
    room.identity
        .accept_invitation(&trail(), accept(code, name, PASSWORD))
        .await
}

#[tokio::test]
async fn an_invitation_makes_an_account_with_its_role_once() {
    let (room, alice) = Room::with_admin().await;
    let link = invited(&room, &alice.session.principal, "viewer").await.unwrap();
    assert!(
        link.link
            .as_deref()
            .unwrap()
            .starts_with("https://host.example/invitation#code=")
    );
    let code = code_of(&link);
    assert!(!room.holds_anywhere(&code), "only its hash is kept");
    let bob = accepted(&room, &code, "bob").await.unwrap();
    let view = room
        .identity
        .user(&bob.session.principal, bob.session.user)
        .unwrap();
    assert!(view.roles.contains("viewer") && view.roles.len() == 1);
    room.sign_in("bob", PASSWORD).await.unwrap();
    let again = accepted(&room, &code, "mallory").await.unwrap_err();
    assert_eq!((again.kind(), again.slug()), (FaultKind::Gone, "link-over"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_who_use_an_invitation_at_once_one_gets_in() {
    let (room, alice) = Room::with_admin().await;
    let code = code_of(&invited(&room, &alice.session.principal, "viewer").await.unwrap());
    let tries = (0..1_000).map(|n| {
        let (identity, code) = (&room.identity, code.as_str());
        async move {
            loop {
                let asked = accept(code, &format!("crew-{n}"), PASSWORD);
                match identity.accept_invitation(&trail(), asked).await {
                    // Too many hash at once: come back, as one is told to.
                    Err(error) if error.kind() == FaultKind::Unavailable => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    other => return other.is_ok(),
                }
            }
        }
    });
    let came_in = join_all(tries).await.into_iter().filter(|came_in| *came_in);
    assert_eq!(came_in.count(), 1);
}

#[tokio::test]
async fn a_mistake_costs_no_invitation() {
    let (room, alice) = Room::with_admin().await;
    let code = code_of(&invited(&room, &alice.session.principal, "viewer").await.unwrap());
    let taken = accepted(&room, &code, "Alice").await.unwrap_err();
    assert!(matches!(taken, LinkError::NameTaken), "{taken:?}");
    let weak = accept(&code, "bob", "weak");
    let weak = room.identity.accept_invitation(&trail(), weak).await.unwrap_err();
    assert!(matches!(weak, LinkError::Password(_)), "{weak:?}");
    accepted(&room, &code, "bob").await.unwrap();
}

#[tokio::test]
async fn an_invitation_ends_with_its_time_its_maker_and_when_it_is_taken_back() {
    let (room, alice) = Room::with_admin().await;
    let admin = &alice.session.principal;
    let over = code_of(&invited(&room, admin, "viewer").await.unwrap());
    room.pass(72 * 60);
    assert!(matches!(
        accepted(&room, &over, "bob").await,
        Err(LinkError::Over)
    ));
    // Signed in anew, as the session has ended meanwhile.
    let alice = room.sign_in("alice", PASSWORD).await.unwrap();
    let admin = &alice.session.principal;
    let back = invited(&room, admin, "viewer").await.unwrap();
    let permit = room
        .permit(admin, act::InviteUser, &Resource::all(ResourceKind::User))
        .unwrap();
    room.identity
        .take_invitation_back(&permit, back.id)
        .await
        .unwrap();
    assert!(
        room.identity
            .take_invitation_back(&permit, back.id)
            .await
            .is_err()
    );
    assert!(matches!(
        accepted(&room, &code_of(&back), "bob").await,
        Err(LinkError::Over)
    ));

    let second = code_of(&invited(&room, admin, "admin").await.unwrap());
    let second = accepted(&room, &second, "second").await.unwrap();
    let by_second = code_of(&invited(&room, &second.session.principal, "viewer").await.unwrap());
    let disable = room
        .permit(admin, act::ChangeUser, &Resource::user(second.session.user))
        .unwrap();
    room.identity
        .change_status(&disable, UserStatus::Disabled)
        .await
        .unwrap();
    assert!(matches!(
        accepted(&room, &by_second, "bob").await,
        Err(LinkError::Over)
    ));
}

#[tokio::test]
async fn nobody_invites_to_more_than_they_hold_and_enrolment_follows() {
    let room = strict().await;
    let unknown = invited(&room, &root(), "captain").await.unwrap_err();
    assert!(matches!(unknown, LinkError::Role(_)), "{unknown:?}");
    let code = code_of(&invited(&room, &root(), "admin").await.unwrap());
    let bob = accepted(&room, &code, "bob").await.unwrap();
    assert_eq!(standing(&bob.session), SecondFactor::ToEnrol);
    assert!(bob.session.is_half());
}

fn reset(code: &str, new: &str, confirm: &str) -> ResetByLink {
    ResetByLink {
        code: code.into(),
        new: new.into(),
        confirm: confirm.into(),
    }
}

#[tokio::test]
async fn a_link_to_a_new_password_works_once_ends_sessions_and_is_told() {
    let (room, alice) = with_email("alice").await;
    let on = Resource::user(alice.session.user);
    let permit = room.permit(&root(), act::OfferReset, &on).unwrap();
    let first = room.identity.offer_reset(&permit, false).await.unwrap();
    let second = room.identity.offer_reset(&permit, false).await.unwrap();
    let identity = &room.identity;
    let earlier = identity
        .reset_by_link(&trail(), reset(&code_of(&first), NEW, NEW))
        .await;
    assert!(matches!(earlier, Err(LinkError::Over)), "a later link ends it");
    let code = code_of(&second);
    let differs = identity.reset_by_link(&trail(), reset(&code, NEW, "other")).await;
    assert!(matches!(differs, Err(LinkError::Password(_))));
    identity
        .reset_by_link(&trail(), reset(&code, NEW, NEW))
        .await
        .unwrap();
    assert!(
        identity
            .reset_by_link(&trail(), reset(&code, PASSWORD, PASSWORD))
            .await
            .is_err()
    );
    assert!(room.identity.session_by_id(alice.session.id).is_none());
    assert!(room.sign_in("alice", PASSWORD).await.is_err());
    room.sign_in("alice", NEW).await.unwrap();
    assert_eq!(room.letters().await, ["new_device", "password_changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_who_use_a_reset_link_at_once_one_sets_the_password() {
    let (room, alice) = with_email("alice").await;
    let on = Resource::user(alice.session.user);
    let permit = room.permit(&root(), act::OfferReset, &on).unwrap();
    let code = code_of(&room.identity.offer_reset(&permit, false).await.unwrap());
    let tries = (0..1_000).map(|_| {
        let (identity, code) = (&room.identity, code.as_str());
        async move {
            loop {
                match identity.reset_by_link(&trail(), reset(code, NEW, NEW)).await {
                    Err(error) if error.kind() == FaultKind::Unavailable => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    other => return other.is_ok(),
                }
            }
        }
    });
    let set = join_all(tries).await.into_iter().filter(|is_set| *is_set);
    assert_eq!(set.count(), 1);
}

#[tokio::test]
async fn a_new_password_by_link_leaves_the_second_factor_to_be_proven() {
    let (room, alice) = with_email("alice").await;
    let on = Resource::user(alice.session.user);
    enrol(&room, &alice.session).await;
    let permit = room.permit(&root(), act::OfferReset, &on).unwrap();
    let link = room.identity.offer_reset(&permit, false).await.unwrap();
    let new = reset(&code_of(&link), NEW, NEW);
    room.identity.reset_by_link(&trail(), new).await.unwrap();
    let half = room.sign_in("alice", NEW).await.unwrap();
    assert_eq!(standing(&half.session), SecondFactor::ToProve);
    let asked = room.permit(&half.session.principal, act::ChangeEmail, &on);
    assert!(asked.is_err());
}

#[tokio::test]
async fn a_disabled_person_comes_back_by_no_link() {
    let (room, alice) = Room::with_admin().await;
    let code = code_of(&invited(&room, &alice.session.principal, "viewer").await.unwrap());
    let bob = accepted(&room, &code, "bob").await.unwrap();
    let on = Resource::user(bob.session.user);
    let permit = room.permit(&root(), act::OfferReset, &on).unwrap();
    let code = code_of(&room.identity.offer_reset(&permit, false).await.unwrap());
    let disable = room.permit(&root(), act::ChangeUser, &on).unwrap();
    room.identity
        .change_status(&disable, UserStatus::Disabled)
        .await
        .unwrap();
    let refused = room
        .identity
        .reset_by_link(&trail(), reset(&code, NEW, NEW))
        .await;
    assert!(matches!(refused, Err(LinkError::Over)));
}

/// A link to a new password for a viewer, made by a second administrator, and what happens before it is opened.
async fn after<Happens: AsyncFnOnce(&Room, &SignedIn, &SignedIn)>(happens: Happens) -> Result<(), LinkError> {
    let (room, alice) = Room::with_admin().await;
    let invite = async |role: &str, name: &str| {
        let code = code_of(&invited(&room, &alice.session.principal, role).await.unwrap());
        accepted(&room, &code, name).await.unwrap()
    };
    let (maker, owner) = (invite("admin", "mallory").await, invite("viewer", "bob").await);
    let on = Resource::user(owner.session.user);
    let permit = room
        .permit(&maker.session.principal, act::OfferReset, &on)
        .unwrap();
    let code = code_of(&room.identity.offer_reset(&permit, false).await.unwrap());
    happens(&room, &maker, &owner).await;
    room.identity
        .reset_by_link(&trail(), reset(&code, NEW, NEW))
        .await
}

async fn change_status(room: &Room, of: &SignedIn, status: UserStatus) {
    let permit = room
        .permit(&root(), act::ChangeUser, &Resource::user(of.session.user))
        .unwrap();
    room.identity.change_status(&permit, status).await.unwrap();
}

#[tokio::test]
async fn a_link_to_a_new_password_outlives_neither_its_maker_nor_what_it_was_made_for() {
    after(async |_, _, _| ()).await.unwrap();
    let made_by_a_disabled_one = after(async |room, maker, _| {
        change_status(room, maker, UserStatus::Disabled).await;
    });
    assert!(matches!(made_by_a_disabled_one.await, Err(LinkError::Over)));
    let disabled_and_enabled = after(async |room, _, owner| {
        change_status(room, owner, UserStatus::Disabled).await;
        change_status(room, owner, UserStatus::Active).await;
    });
    assert!(matches!(disabled_and_enabled.await, Err(LinkError::Over)));
    let another_address = after(async |room, _, owner| {
        room.give_email(owner.session.user, "bob@home.example").await;
    });
    assert!(matches!(another_address.await, Err(LinkError::Over)));
    let another_password = after(async |room, _, owner| {
        let on = Resource::user(owner.session.user);
        let permit = room.permit(&root(), act::ResetPassword, &on).unwrap();
        let new = "Other-Beacon5 rolls".into();
        room.identity.reset_password(&permit, new).await.unwrap();
    });
    assert!(matches!(another_password.await, Err(LinkError::Over)));
}

#[tokio::test]
async fn an_address_of_ones_own_is_set_once_mail_arrives_there() {
    let (room, alice) = with_email("alice").await;
    let on = Resource::user(alice.session.user);
    let principal = &alice.session.principal;
    let permit = room.permit(principal, act::ChangeEmail, &on).unwrap();
    let new = "new@home.example".parse().unwrap();
    let change = room.identity.change_email(&permit, Some(new)).await.unwrap();
    assert_eq!(change, EmailChange::ToConfirm);
    let email = || {
        let view = room.identity.user(principal, alice.session.user).unwrap();
        view.email.map(|email| email.to_string())
    };
    assert_eq!(email().as_deref(), Some("alice@home.example"));
    let code = room.code_in_letter("confirm_email").await;

    let bob = code_of(&invited(&room, principal, "viewer").await.unwrap());
    let bob = accepted(&room, &bob, "bob").await.unwrap();
    let others = room
        .permit(
            &bob.session.principal,
            act::ConfirmEmail,
            &Resource::user(bob.session.user),
        )
        .unwrap();
    let refused = room.identity.confirm_email(&others, code.as_str().into()).await;
    assert!(matches!(refused, Err(LinkError::Over)), "it is not theirs");
    let own = room.permit(principal, act::ConfirmEmail, &on).unwrap();
    room.identity
        .confirm_email(&own, code.as_str().into())
        .await
        .unwrap();
    assert_eq!(email().as_deref(), Some("new@home.example"));
    assert!(
        room.identity
            .confirm_email(&own, code.as_str().into())
            .await
            .is_err()
    );
    assert_eq!(room.letters().await, ["confirm_email", "email_changed"]);
}

#[tokio::test]
async fn so_many_addresses_are_asked_to_confirm_in_an_hour() {
    let (room, alice) = with_email("alice").await;
    let on = Resource::user(alice.session.user);
    let permit = room
        .permit(&alice.session.principal, act::ChangeEmail, &on)
        .unwrap();
    let ask = async |number: u32| {
        let email = format!("a{number}@home.example").parse().unwrap();
        room.identity.change_email(&permit, Some(email)).await
    };
    for number in 0..5 {
        ask(number).await.unwrap();
    }
    let refused = ask(5).await.unwrap_err();
    assert!(matches!(refused, LinkError::TooMany { .. }), "{refused:?}");
}
