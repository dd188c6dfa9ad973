//! Passkeys: made and proven by an authenticator in software, each answer taken once, each key its person's alone.

use futures_util::future::join_all;
use watchroom_identity::{
    Enrolled, FactorError, Oneself, PasskeyAnswer, PasskeySignIn, PasskeySignInError, RegisterPasskey,
    SecondStepError, Session, SignInError, SignedIn, Site, StepUpError,
};
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::PageRequest;
use watchroom_policy::{EventType, Resource, ResourceKind, SecondFactor, act};
use watchroom_store::AuditFilter;
use watchroom_testkit_passkey::{Asked, Authenticator, Kind, PRESENT, Proof, written};

use crate::factors::{enrol, prove, shown, standing, strict};
use crate::room::{BROWSER, PASSWORD, Room, cheap, root, text, trail};

const HOST: &str = "panel.example.org";
const ORIGIN: &str = "https://panel.example.org:7443";

pub fn site() -> Site {
    Site::of("panel.example.org:7443", true).unwrap()
}

pub fn challenge_of(asked: &impl serde::Serialize) -> String {
    let asked = serde_json::to_value(asked).unwrap();
    asked["challenge"].as_str().unwrap().to_owned()
}

pub fn here(challenge: &str) -> Asked<'_> {
    Asked {
        challenge,
        origin: ORIGIN,
        rp_id: HOST,
    }
}

pub fn answer(challenge: &str, proof: &Proof) -> PasskeyAnswer {
    PasskeyAnswer {
        challenge: challenge.to_owned(),
        id: written(&proof.id),
        client_data: written(&proof.client_data),
        authenticator_data: written(&proof.authenticator_data),
        signature: written(&proof.signature),
        user_handle: written(&proof.user_handle),
    }
}

pub async fn try_register(
    room: &Room,
    session: &Session,
    device: &mut Authenticator,
) -> Result<Enrolled, FactorError> {
    let permit = room
        .permit(&session.principal, act::AddFactor, &Oneself(session.user))
        .unwrap();
    let asked = room.identity.offer_passkey(&permit, session, &site())?;
    let challenge = challenge_of(&asked);
    let made = device.create(here(&challenge), session.user.as_uuid().as_bytes());
    let made = RegisterPasskey {
        challenge,
        client_data: written(&made.client_data),
        attestation: written(&made.attestation),
        name: "laptop".into(),
        device: None,
    };
    room.identity
        .register_passkey(&permit, session, &site(), made)
        .await
}

pub async fn register(room: &Room, session: &Session) -> (Authenticator, Enrolled) {
    let mut device = Authenticator::new(Kind::Es256);
    let enrolled = try_register(room, session, &mut device).await.unwrap();
    (device, enrolled)
}

/// What a browser with that pre-session brings to sign in.
pub fn at_the_door(room: &Room, device: &mut Authenticator, pre_session: &str) -> PasskeyAnswer {
    let challenge = challenge_of(
        &room
            .identity
            .ask_passkey_to_sign_in(pre_session, &site())
            .unwrap(),
    );
    answer(&challenge, &device.prove(here(&challenge)))
}

pub async fn enter(
    room: &Room,
    brought: &PasskeyAnswer,
    pre_session: &str,
) -> Result<SignedIn, PasskeySignInError> {
    let asked = PasskeySignIn {
        answer: brought,
        site: &site(),
        pre_session,
        remember_me: false,
        device: None,
    };
    room.identity.sign_in_by_passkey(&trail(), asked).await
}

pub async fn second(
    room: &Room,
    half: &Session,
    device: &mut Authenticator,
) -> Result<SignedIn, SecondStepError> {
    let challenge = challenge_of(&room.identity.ask_passkey_as_second(half, &site()));
    let brought = answer(&challenge, &device.prove(here(&challenge)));
    room.identity
        .prove_second_by_passkey(half, &trail(), (&site(), &brought), None)
        .await
}

pub async fn step_up(
    room: &Room,
    session: &Session,
    device: &mut Authenticator,
) -> Result<SignedIn, StepUpError> {
    let challenge = challenge_of(&room.identity.ask_passkey_to_step_up(session, &site()));
    let brought = answer(&challenge, &device.prove(here(&challenge)));
    room.identity
        .step_up_by_passkey(session, &trail(), &site(), &brought)
        .await
}

#[tokio::test]
async fn a_passkey_alone_is_both_factors_and_gives_a_session_of_its_own() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, enrolled) = register(&room, &alice.session).await;
    assert_eq!(enrolled.recovery_codes.len(), 10);
    assert_eq!(standing(&enrolled.signed_in.session), SecondFactor::Proven);
    // The session that had proven nothing but the password has a new cookie now.
    assert!(
        room.identity
            .session(&text(&alice.cookie), Some(BROWSER))
            .is_none()
    );

    let brought = at_the_door(&room, &mut device, "one browser");
    let whole = enter(&room, &brought, "one browser").await.unwrap();
    assert_eq!(whole.session.user, alice.session.user);
    assert_eq!(standing(&whole.session), SecondFactor::Proven);
    assert!(whole.device.is_some() && whole.max_age.is_none());
    let everything = Resource::all(ResourceKind::User);
    assert!(
        room.permit(&whole.session.principal, act::ListUsers, &everything)
            .is_ok()
    );
    let view = room.identity.factors_of(&root(), alice.session.user).unwrap();
    assert_eq!(
        (view.factors[0].kind, view.factors[0].host.as_deref()),
        ("passkey", Some(HOST))
    );
    assert!(view.factors[0].last_used.is_some());
    // A second one, on another Host of the cluster.
    let other = room.another().await;
    let challenge = challenge_of(&other.ask_passkey_to_sign_in("one browser", &site()).unwrap());
    let brought = answer(&challenge, &device.prove(here(&challenge)));
    assert!(enter(&room, &brought, "one browser").await.is_ok());
}

#[tokio::test]
async fn a_role_that_requires_a_second_factor_is_content_with_a_passkey() {
    let room = strict().await;
    let alice = room.set_up("alice").await;
    assert_eq!(standing(&alice.session), SecondFactor::ToEnrol);
    let (mut device, enrolled) = register(&room, &alice.session).await;
    let session = &enrolled.signed_in.session;
    assert_eq!(standing(session), SecondFactor::Proven);
    // The last one stays, and one of two goes.
    let id = room.identity.factors_of(&root(), session.user).unwrap().factors[0].id;
    let permit = room
        .permit(&session.principal, act::RemoveFactor, &Oneself(session.user))
        .unwrap();
    let last = room.identity.remove_factor(&permit, id).await;
    assert!(matches!(last, Err(FactorError::Last)));
    enrol(&room, session).await;
    room.identity.remove_factor(&permit, id).await.unwrap();
    let brought = at_the_door(&room, &mut device, "b");
    assert_eq!(
        enter(&room, &brought, "b").await.unwrap_err().slug(),
        "sign-in-refused"
    );
}

#[tokio::test]
async fn after_a_password_it_is_enough_to_have_the_key_and_alone_it_is_not() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, enrolled) = register(&room, &alice.session).await;
    device.flags = PRESENT;
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(standing(&half.session), SecondFactor::ToProve);
    let whole = second(&room, &half.session, &mut device).await.unwrap();
    assert_eq!(standing(&whole.session), SecondFactor::Proven);
    assert!(
        room.identity
            .session(&text(&half.cookie), Some(BROWSER))
            .is_none()
    );

    let brought = at_the_door(&room, &mut device, "b");
    let alone = enter(&room, &brought, "b").await.unwrap_err();
    assert!(matches!(
        alone,
        PasskeySignInError::Refused(SignInError::Wrong {
            remaining_attempts: 4,
            ..
        })
    ));
    assert!(
        step_up(&room, &enrolled.signed_in.session, &mut device)
            .await
            .is_err()
    );
    // A code of a device does as well as the passkey.
    let (seed, _) = enrol(&room, &whole.session).await;
    room.pass(1);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    assert!(
        prove(&room.identity, &half.session, &shown(&room, &seed, 0))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_passkey_is_a_fresh_proof_with_a_new_cookie() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, enrolled) = register(&room, &alice.session).await;
    room.pass(20);
    let session = &enrolled.signed_in.session;
    let own = Oneself(session.user);
    assert!(room.permit(&session.principal, act::RemoveFactor, &own).is_err());
    let risen = step_up(&room, session, &mut device).await.unwrap();
    assert!(
        room.permit(&risen.session.principal, act::RemoveFactor, &own)
            .is_ok()
    );
    let old = text(&enrolled.signed_in.cookie);
    assert!(room.identity.session(&old, Some(BROWSER)).is_none());
}

#[tokio::test]
async fn of_a_thousand_replays_of_one_answer_one_signs_in() {
    let mut config = cheap();
    config.lockout.failures = 1_000;
    config.lockout.everywhere_failures = 1_000;
    let room = Room::with(config).await;
    let alice = room.set_up("alice").await;
    let (mut device, _) = register(&room, &alice.session).await;
    let brought = at_the_door(&room, &mut device, "b");
    let tries = (0..1_000).map(|_| enter(&room, &brought, "b"));
    let won = join_all(tries).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1);
    // On another Host, too, and later.
    let other = room.another().await;
    let asked = PasskeySignIn {
        answer: &brought,
        site: &site(),
        pre_session: "b",
        remember_me: false,
        device: None,
    };
    assert!(other.sign_in_by_passkey(&trail(), asked).await.is_err());
    // None of the replays looked like a second key.
    assert_eq!(clones(&room).await, 0);
}

/// How often a second key was suspected.
async fn clones(room: &Room) -> usize {
    let filter = AuditFilter {
        action: Some("factor.suspect_clone".into()),
        ..AuditFilter::default()
    };
    let page = room.store.audit().page(&filter, &PageRequest::default()).await;
    let items = page.unwrap().items;
    assert!(items.iter().all(|entry| entry.event_type == EventType::Security));
    items.len()
}

#[tokio::test]
async fn an_answer_serves_its_browser_its_purpose_and_its_five_minutes() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, enrolled) = register(&room, &alice.session).await;
    let session = &enrolled.signed_in.session;

    let brought = at_the_door(&room, &mut device, "one browser");
    let stolen = enter(&room, &brought, "another browser").await.unwrap_err();
    assert_eq!(
        (stolen.slug(), stolen.kind()),
        ("passkey-over", FaultKind::Conflict)
    );
    // An answer at the door is no second factor and no fresh proof, and none of a session is one of another.
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    let id = half.session.id.to_string();
    let brought = at_the_door(&room, &mut device, &id);
    let crossed = room
        .identity
        .prove_second_by_passkey(&half.session, &trail(), (&site(), &brought), None)
        .await;
    assert_eq!(crossed.unwrap_err().slug(), "passkey-over");
    let challenge = challenge_of(&room.identity.ask_passkey_as_second(&half.session, &site()));
    let brought = answer(&challenge, &device.prove(here(&challenge)));
    let crossed = room
        .identity
        .step_up_by_passkey(session, &trail(), &site(), &brought)
        .await;
    assert_eq!(crossed.unwrap_err().slug(), "passkey-over");

    let brought = at_the_door(&room, &mut device, "b");
    room.ambient.clock.advance(std::time::Duration::from_secs(299));
    let in_time = enter(&room, &brought, "b").await;
    assert!(in_time.is_ok(), "{in_time:?}");
    let brought = at_the_door(&room, &mut device, "b");
    room.pass(5);
    assert_eq!(
        enter(&room, &brought, "b").await.unwrap_err().slug(),
        "passkey-over"
    );
}

#[tokio::test]
async fn a_count_that_goes_back_is_refused_and_written_down_and_none_at_all_is_fine() {
    let (room, alice) = Room::with_admin().await;
    let (mut device, enrolled) = register(&room, &alice.session).await;
    let brought = at_the_door(&room, &mut device, "b");
    enter(&room, &brought, "b").await.unwrap();
    device.counter = Some(1);
    let brought = at_the_door(&room, &mut device, "b");
    let cloned = enter(&room, &brought, "b").await.unwrap_err();
    assert_eq!(cloned.slug(), "sign-in-refused");
    assert_eq!(clones(&room).await, 1);
    device.counter = None;
    let brought = at_the_door(&room, &mut device, "b");
    assert!(
        enter(&room, &brought, "b").await.is_err(),
        "a device that counted goes on counting"
    );
    device.counter = Some(40);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    second(&room, &half.session, &mut device).await.unwrap();
    device.counter = Some(40);
    let half = room.sign_in("alice", PASSWORD).await.unwrap();
    device.counter = Some(2);
    assert_eq!(
        second(&room, &half.session, &mut device)
            .await
            .unwrap_err()
            .slug(),
        "second-factor-refused"
    );
    assert_eq!(clones(&room).await, 3);

    let mut uncounted = Authenticator::new(Kind::EdDsa);
    uncounted.counter = None;
    try_register(&room, &enrolled.signed_in.session, &mut uncounted)
        .await
        .unwrap();
    for _ in 0..3 {
        let brought = at_the_door(&room, &mut uncounted, "b");
        enter(&room, &brought, "b").await.unwrap();
    }
}
