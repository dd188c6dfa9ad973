//! Enrolling, losing and resetting second factors, and the keys under which their seeds lie.

use watchroom_identity::{ConfirmTotp, FactorError, Oneself, Session};
use watchroom_kit::ExposeSecret;
use watchroom_policy::{Resource, ResourceKind, SecondFactor, act};

use crate::factors::{enrol, prove, shown, standing, strict};
use crate::room::{PASSWORD, Room, root, text};

#[tokio::test]
async fn an_offer_is_good_once_for_ten_minutes_and_in_its_own_session() {
    let (room, alice) = Room::with_admin().await;
    let bob = room.user("bob", "viewer").await;
    let bobs = room.sign_in("bob", PASSWORD).await.unwrap();
    let permit = |session: &Session| {
        room.permit(&session.principal, act::AddFactor, &Oneself(session.user))
            .unwrap()
    };
    let (hers, his) = (permit(&alice.session), permit(&bobs.session));
    let offer = room.identity.offer_totp(&hers, &alice.session).await.unwrap();
    let confirm = |steps: i64| ConfirmTotp {
        offer: offer.offer.clone(),
        code: shown(&room, offer.secret.expose_secret(), steps).into(),
        name: "phone".into(),
        device: None,
    };
    let foreign = room.identity.confirm_totp(&his, &bobs.session, confirm(0)).await;
    assert!(matches!(foreign, Err(FactorError::OfferOver)));
    let crossed = room.identity.confirm_totp(&hers, &bobs.session, confirm(0)).await;
    assert!(matches!(crossed, Err(FactorError::Ended)));
    let wrong = ConfirmTotp {
        code: "000000".into(),
        ..confirm(0)
    };
    assert!(matches!(
        room.identity.confirm_totp(&hers, &alice.session, wrong).await,
        Err(FactorError::Code)
    ));
    let risen = room
        .identity
        .confirm_totp(&hers, &alice.session, confirm(0))
        .await
        .unwrap()
        .signed_in;
    let hers = permit(&risen.session);
    let again = room
        .identity
        .confirm_totp(&hers, &risen.session, confirm(1))
        .await;
    assert!(matches!(again, Err(FactorError::OfferOver)));
    let late = room.identity.offer_totp(&hers, &risen.session).await.unwrap();
    room.pass(10);
    let late = ConfirmTotp {
        code: shown(&room, late.secret.expose_secret(), 0).into(),
        offer: late.offer,
        name: "late".into(),
        device: None,
    };
    assert!(matches!(
        room.identity.confirm_totp(&hers, &risen.session, late).await,
        Err(FactorError::OfferOver)
    ));
    assert_eq!(room.identity.factors_of(&root(), bob.id).unwrap().factors, []);
}

#[tokio::test]
async fn of_two_who_know_the_password_one_enrols() {
    let room = strict().await;
    room.set_up("alice").await;
    let (one, other) = (
        room.sign_in("alice", PASSWORD).await.unwrap(),
        room.sign_in("alice", PASSWORD).await.unwrap(),
    );
    let permit = room
        .permit(
            &other.session.principal,
            act::AddFactor,
            &Oneself(other.session.user),
        )
        .unwrap();
    let offer = room.identity.offer_totp(&permit, &other.session).await.unwrap();
    enrol(&room, &one.session).await;
    let confirm = ConfirmTotp {
        code: shown(&room, offer.secret.expose_secret(), 0).into(),
        offer: offer.offer,
        name: "theirs".into(),
        device: None,
    };
    let late = room.identity.confirm_totp(&permit, &other.session, confirm).await;
    assert!(matches!(late, Err(FactorError::Ended)));
}

#[tokio::test]
async fn the_last_factor_stays_where_a_role_requires_one_and_an_administrator_can_reset_it() {
    let room = strict().await;
    let alice = room.set_up("alice").await;
    let (_, enrolled) = enrol(&room, &alice.session).await;
    let session = enrolled.signed_in.session;
    let own = Oneself(session.user);
    let id = room.identity.factors_of(&root(), session.user).unwrap().factors[0].id;
    let permit = room.permit(&session.principal, act::RemoveFactor, &own).unwrap();
    assert!(matches!(
        room.identity.remove_factor(&permit, id).await,
        Err(FactorError::Last)
    ));

    let permit = room.permit(&root(), act::ResetFactors, &own).unwrap();
    room.identity.reset_factors(&permit).await.unwrap();
    assert!(
        room.identity
            .session(&text(&enrolled.signed_in.cookie), Some(crate::room::BROWSER))
            .is_none()
    );
    let again = room.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(standing(&again.session), SecondFactor::ToEnrol);
}

#[tokio::test]
async fn nobody_resets_the_factors_of_who_holds_more() {
    let (room, alice) = Room::with_admin().await;
    room.user("olga", "operator").await;
    let olga = room.sign_in("olga", PASSWORD).await.unwrap();
    let hers = Oneself(alice.session.user);
    assert!(
        room.permit(&olga.session.principal, act::ResetFactors, &hers)
            .is_err()
    );
}

#[tokio::test]
async fn rotated_keys_seal_anew_and_a_row_that_was_moved_opens_nothing() {
    let (room, alice) = Room::with_admin().await;
    let (seed, _) = enrol(&room, &alice.session).await;
    let permit = room
        .permit(&root(), act::RotateKeys, &Resource::all(ResourceKind::Host))
        .unwrap();
    let one = room.identity.rotate_keys(&permit).await.unwrap();
    let two = room.identity.rotate_keys(&permit).await.unwrap();
    assert_eq!((one.resealed, two.resealed), (1, 1));
    assert_ne!(one.key, two.key);
    assert!(room.holds_anywhere(&format!("{}.totp_factors", two.key)));
    // Another process knows of the rotation what the database says.
    let another = room.another().await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert!(
        prove(&another, &half.session, &shown(&room, &seed, 0))
            .await
            .is_ok()
    );
}
