//! What passkeys do not do: guess without end, serve another person, outlive a reset, come twice of one offer.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::Value;
use watchroom_identity::UserStatus::{Active, Disabled};
use watchroom_identity::{
    FactorError, Method, Oneself, OpenError, PasskeySignIn, PasskeySignInError, RegisterPasskey, SignInError,
};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Resource, ResourceKind, SecondFactor, act};
use watchroom_store::StoreError;
use watchroom_testkit_passkey::{Authenticator, Kind, written};

use crate::factors::{enrol, standing};
use crate::passkeys::{
    answer, at_the_door, challenge_of, enter, here, register, second, site, step_up, try_register,
};
use crate::room::{PASSWORD, Room, root, trail, trail_from};

/// The table as it lies in the database.
mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkeys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub user_id: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn failures_lock_as_wrong_passwords_do_and_unknown_keys_are_answered_alike() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, _) = register(&room, &alice.session).await;
    let mut stranger = Authenticator::new(Kind::Es256);
    stranger.user_handle = alice.session.user.as_uuid().as_bytes().to_vec();
    let said = |error: PasskeySignInError| (error.slug(), error.kind(), error.public(), error.members());
    for remaining in (0..5).rev() {
        let brought = at_the_door(&room, &mut stranger, "b");
        let unknown = said(enter(&room, &brought, "b").await.unwrap_err());
        // A known key with somebody else's signature.
        let mut forged = at_the_door(&room, &mut device, "b");
        forged.signature = brought.signature;
        let wrong = said(enter(&room, &forged, "b").await.unwrap_err());
        let members: BTreeMap<_, _> = wrong.3.iter().cloned().collect();
        assert_eq!(members["remaining_attempts"], Value::from(remaining));
        assert_eq!(unknown, wrong);
    }
    let right = at_the_door(&room, &mut device, "b");
    let locked = enter(&room, &right, "b").await.unwrap_err();
    assert_eq!(locked.slug(), "sign-in-locked");
    let locked = room.sign_in("alice", PASSWORD).await.unwrap_err();
    assert_eq!(locked.slug(), "sign-in-locked", "one count for all ways in");
    let elsewhere = PasskeySignIn {
        answer: &at_the_door(&room, &mut device, "b"),
        site: &site(),
        pre_session: "b",
        remember_me: false,
        device: None,
    };
    let far = trail_from("198.51.100.9");
    assert!(room.identity.sign_in_by_passkey(&far, elsewhere).await.is_ok());
}

#[tokio::test]
async fn a_key_is_its_persons_alone_whatever_the_database_says() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, _) = register(&room, &alice.session).await;
    let vera = room.user("vera", "viewer").await;
    // The authenticator says that it is somebody else's.
    device.user_handle = vera.id.as_uuid().as_bytes().to_vec();
    let brought = at_the_door(&room, &mut device, "b");
    assert!(enter(&room, &brought, "b").await.is_err());
    device.user_handle = alice.session.user.as_uuid().as_bytes().to_vec();
    // One key is enrolled once, by whomever.
    let hers = room.sign_in("vera", PASSWORD).await.unwrap();
    let taken = try_register(&room, &hers.session, &mut device).await;
    assert!(matches!(taken, Err(FactorError::Known)));
    // Whoever can write into the database gives themselves no key.
    device.user_handle = vera.id.as_uuid().as_bytes().to_vec();
    let permit = Permit::<act::KeepHouse>::of_house(
        &Resource::all(ResourceKind::Host),
        DecisionId::mint(&room.ambient),
    );
    let hers = vera.id.to_string();
    let bent = room.store.write(&permit, async move |tx| {
        let update = row::Entity::update_many().col_expr(row::Column::UserId, Expr::value(hers.clone()));
        assert_eq!(tx.update(update).await?, 1);
        Ok::<_, StoreError>(())
    });
    bent.await.unwrap();
    let other = room.another().await;
    let challenge = challenge_of(&other.ask_passkey_to_sign_in("b", &site()).unwrap());
    let asked = PasskeySignIn {
        answer: &answer(&challenge, &device.prove(here(&challenge))),
        site: &site(),
        pre_session: "b",
        remember_me: false,
        device: None,
    };
    assert!(other.sign_in_by_passkey(&trail(), asked).await.is_err());
}

#[tokio::test]
async fn a_disabled_account_and_a_reset_end_its_keys() {
    let (room, _) = Room::with_admin().await;
    let vera = room.user("vera", "viewer").await;
    let hers = room.sign_in("vera", PASSWORD).await.unwrap();
    let (mut device, _) = register(&room, &hers.session).await;
    let change = room
        .permit(&root(), act::ChangeUser, &Resource::user(vera.id))
        .unwrap();
    room.identity.change_status(&change, Disabled).await.unwrap();
    let brought = at_the_door(&room, &mut device, "b");
    assert_eq!(
        enter(&room, &brought, "b").await.unwrap_err().slug(),
        "sign-in-refused"
    );
    room.identity.change_status(&change, Active).await.unwrap();
    let brought = at_the_door(&room, &mut device, "b");
    enter(&room, &brought, "b").await.unwrap();

    let reset = room
        .permit(&root(), act::ResetFactors, &Resource::user(vera.id))
        .unwrap();
    room.identity.reset_factors(&reset).await.unwrap();
    let brought = at_the_door(&room, &mut device, "b");
    assert!(enter(&room, &brought, "b").await.is_err());
    let again = room.sign_in("vera", PASSWORD).await.unwrap();
    assert_eq!(standing(&again.session), SecondFactor::NotNeeded);
}

#[tokio::test]
async fn an_offer_makes_one_key_for_one_session() {
    let (room, alice) = Room::with_admin().await;
    let session = Arc::clone(&alice.session);
    let permit = room
        .permit(&session.principal, act::AddFactor, &Oneself(session.user))
        .unwrap();
    let asked = room.identity.offer_passkey(&permit, &session, &site()).unwrap();
    let challenge = challenge_of(&asked);
    let make = |name: &str| {
        let made = Authenticator::new(Kind::Es256).create(here(&challenge), b"alice");
        RegisterPasskey {
            challenge: challenge.clone(),
            client_data: written(&made.client_data),
            attestation: written(&made.attestation),
            name: name.into(),
            device: None,
        }
    };
    let at = site();
    let unnamed = room
        .identity
        .register_passkey(&permit, &session, &at, make(" "))
        .await;
    assert!(matches!(unnamed, Err(FactorError::Name)));
    let mut bent = make("bent");
    bent.attestation = bent.client_data.clone();
    let bent = room.identity.register_passkey(&permit, &session, &at, bent).await;
    assert!(matches!(bent, Err(FactorError::Passkey(_))));
    let other = room.sign_in("alice", PASSWORD).await.unwrap();
    let others = room
        .identity
        .register_passkey(&permit, &other.session, &at, make("other"))
        .await;
    assert!(matches!(others, Err(FactorError::OfferOver)));
    let tries = (0..20).map(|_| {
        room.identity
            .register_passkey(&permit, &session, &at, make("one"))
    });
    let won = join_all(tries).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1);
    let kept = room.identity.factors_of(&root(), session.user).unwrap();
    assert_eq!(kept.factors.len(), 1);
}

#[tokio::test]
async fn switched_off_a_passkey_is_no_way_in_alone_and_does_after_a_password() {
    let (mut room, alice) = Room::with_admin().await;
    let (mut device, _) = register(&room, &alice.session).await;
    let early = at_the_door(&room, &mut device, "b");
    room.config.methods.passkey = false;
    let identity = room.try_another().await.unwrap();
    let asked = identity.ask_passkey_to_sign_in("b", &site());
    assert!(matches!(asked, Err(SignInError::SwitchedOff(Method::Passkey))));
    // Nor does an answer to a challenge of before, or of a Host that was not told yet.
    let sent = PasskeySignIn {
        answer: &early,
        site: &site(),
        pre_session: "b",
        remember_me: false,
        device: None,
    };
    let refused = identity.sign_in_by_passkey(&trail(), sent).await.unwrap_err();
    assert_eq!(
        (refused.slug(), refused.kind()),
        ("method-off", FaultKind::Forbidden)
    );
    assert!(
        enter(&room, &early, "b").await.is_ok(),
        "it was not spent on that"
    );
    // As what it is beside a password it goes on.
    room.identity = identity;
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let whole = second(&room, &half.session, &mut device).await.unwrap();
    room.pass(20);
    assert!(step_up(&room, &whole.session, &mut device).await.is_ok());
}

#[tokio::test]
async fn a_passkey_is_the_way_in_that_is_left_to_an_administrator_and_stays_so() {
    let (mut room, alice) = Room::with_admin().await;
    room.config.methods.password = false;
    let without = room.try_another().await.unwrap_err();
    assert!(matches!(without, OpenError::LockedOut));
    let (mut device, _) = register(&room, &alice.session).await;
    let identity = room.try_another().await.unwrap();
    room.config.methods.passkey = false;
    let refused = room.try_another().await.unwrap_err();
    assert!(matches!(refused, OpenError::LockedOut));
    assert!(refused.to_string().contains("passkeys"), "{refused}");
    room.identity = identity;
    let brought = at_the_door(&room, &mut device, "b");
    let whole = enter(&room, &brought, "b").await.unwrap();
    // Nor does she give it up herself, whatever else she has that is no way in.
    enrol(&room, &whole.session).await;
    let factors = room.identity.factors_of(&root(), alice.session.user).unwrap();
    let of = |kind: &str| factors.factors.iter().find(|one| one.kind == kind).unwrap().id;
    let permit = room
        .permit(
            &whole.session.principal,
            act::RemoveFactor,
            &Oneself(alice.session.user),
        )
        .unwrap();
    let last = room.identity.remove_factor(&permit, of("passkey")).await;
    assert!(matches!(last, Err(FactorError::LastWay)), "{last:?}");
    room.identity.remove_factor(&permit, of("totp")).await.unwrap();
    let brought = at_the_door(&room, &mut device, "b");
    assert!(enter(&room, &brought, "b").await.is_ok());
}
