//! People whom a provider vouches for: who comes in, as whom, as what, and how often.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use time::macros::datetime;
use watchroom_identity::{
    Admission, Claims, Entered, Errand, FromOutside, OutsideError, Outsider, Provider, Session, SettingOut,
    SignedIn, TieError, TieOffer, UserStatus,
};
use watchroom_kit::Fault;
use watchroom_policy::{Resource, ResourceKind, SecondFactor, act};

use crate::factors::{enrol, standing, strict};
use crate::room::{BROWSER, PASSWORD, Room, root, text, trail};

/// Ann as her provider knows her.
pub fn ann() -> Outsider {
    Outsider {
        provider: Provider::oidc("example"),
        realm: "https://id.example".into(),
        subject: "4711".into(),
        user_name: Some("ann".into()),
        display_name: Some("Ann Bee".into()),
        email: Some("ann@example.org".parse().unwrap()),
        // Of a time to come this moment is believed.
        proven_at: Some(datetime!(2100-01-01 00:00 UTC)),
        claims: groups(&["crew"]),
    }
}

fn groups(of: &[&str]) -> Claims {
    let of = of.iter().map(|group| (*group).to_owned()).collect();
    Claims::from([("groups".to_owned(), of)])
}

/// Accounts for everybody at example.org; the crew are members, and ops operate.
pub fn open_house() -> Admission {
    Admission {
        create: true,
        domains: vec!["example.org".into()],
        rules: [
            "groups contains ops -> operator",
            "groups contains crew -> member",
        ]
        .map(|rule| rule.parse().unwrap())
        .to_vec(),
        default_role: None,
    }
}

pub fn entering<'a>(outsider: &'a Outsider, admission: &'a Admission) -> FromOutside<'a> {
    FromOutside {
        outsider,
        admission,
        remember_me: false,
        device: None,
        held: None,
        errand: None,
        is_own_doing: true,
    }
}

pub async fn enter(room: &Room, outsider: &Outsider, admission: &Admission) -> Result<Entered, OutsideError> {
    room.identity
        .enter_from_outside(&trail(), entering(outsider, admission))
        .await
}

pub async fn comes_in(room: &Room, outsider: &Outsider, admission: &Admission) -> SignedIn {
    match enter(room, outsider, admission).await.unwrap() {
        Entered::In(signed_in) => *signed_in,
        Entered::ToTie(offer) => panic!("{} is to tie first", offer.label),
    }
}

pub async fn offered(room: &Room, outsider: &Outsider, held: Option<&Arc<Session>>) -> TieOffer {
    let admission = open_house();
    let entering = FromOutside {
        held,
        ..entering(outsider, &admission)
    };
    match room
        .identity
        .enter_from_outside(&trail(), entering)
        .await
        .unwrap()
    {
        Entered::ToTie(offer) => offer,
        Entered::In(signed_in) => panic!("{} is in", signed_in.session.user),
    }
}

pub async fn tie(room: &Room, session: &Session, offer: &str) -> Result<(), TieError> {
    let on = Resource::user(session.user);
    let permit = room.permit(&session.principal, act::TieIdentity, &on).unwrap();
    room.identity.tie(&permit, offer).await
}

pub fn roles(room: &Room, session: &Session) -> Vec<String> {
    let user = room.identity.user(&root(), session.user).unwrap();
    user.roles.into_iter().collect()
}

#[tokio::test]
async fn somebody_new_gets_an_account_once_and_comes_back_to_it() {
    let (room, _) = Room::with_admin().await;
    let first = comes_in(&room, &ann(), &open_house()).await;
    let user = room.identity.user(&root(), first.session.user).unwrap();
    assert_eq!(
        (user.name.as_str(), user.display_name.as_str()),
        ("ann", "Ann Bee")
    );
    assert_eq!(
        user.factors,
        Vec::<String>::new(),
        "there is no password to guess"
    );
    assert_eq!(roles(&room, &first.session), ["member"]);
    assert!(first.device.is_some());

    // Renamed and moved there, she is the same person here.
    let later = Outsider {
        user_name: Some("anna".into()),
        email: Some("anna@elsewhere.example".parse().unwrap()),
        ..ann()
    };
    let second = comes_in(&room, &later, &Admission::default()).await;
    assert_eq!(second.session.user, first.session.user);
    // Another process knows it from the database.
    let session = room.another().await.session(&text(&second.cookie), Some(BROWSER));
    assert!(session.is_some());
}

#[tokio::test]
async fn whom_nobody_expects_gets_nothing() {
    let (room, _) = Room::with_admin().await;
    let house = open_house();
    let unverified = Outsider { email: None, ..ann() };
    let elsewhere = Outsider {
        email: Some("ann@example.org.evil.example".parse().unwrap()),
        ..ann()
    };
    for stranger in [unverified, elsewhere] {
        let refused = enter(&room, &stranger, &house).await.unwrap_err();
        assert!(matches!(refused, OutsideError::NoAccount), "{refused:?}");
    }
    let refused = enter(&room, &ann(), &Admission::default()).await.unwrap_err();
    assert!(matches!(refused, OutsideError::NoAccount), "{refused:?}");
    let idle = Outsider {
        claims: groups(&["visitors"]),
        ..ann()
    };
    let refused = enter(&room, &idle, &house).await.unwrap_err();
    assert!(matches!(refused, OutsideError::NoRole), "{refused:?}");
    // To the person all of these are the same, and nobody was made.
    assert_eq!(refused.public(), OutsideError::NoAccount.public());
    assert_eq!(room.identity.id_of(&"ann".parse().unwrap()), None);
}

#[tokio::test]
async fn somebody_else_of_the_same_name_is_somebody_else() {
    let (room, _) = Room::with_admin().await;
    let local = room.user("Ann", "viewer").await;
    let signed_in = comes_in(&room, &ann(), &open_house()).await;
    assert_ne!(signed_in.session.user, local.id);
    let user = room.identity.user(&root(), signed_in.session.user).unwrap();
    assert_eq!(user.name.as_str(), "ann-2");

    // The same number at another provider, or at another one that stands under this name now.
    let other_provider = Outsider {
        provider: Provider::oidc("other"),
        email: None,
        ..ann()
    };
    let other_realm = Outsider {
        realm: "https://id.other.example".into(),
        email: None,
        ..ann()
    };
    for other in [other_provider, other_realm] {
        let refused = enter(&room, &other, &open_house()).await.unwrap_err();
        assert!(matches!(refused, OutsideError::NoAccount), "{refused:?}");
    }
}

#[tokio::test]
async fn roles_follow_the_providers_word_at_each_sign_in_and_leave_those_that_people_gave() {
    let (room, _) = Room::with_admin().await;
    let house = open_house();
    let as_crew = comes_in(&room, &ann(), &house).await;
    let promoted = Outsider {
        claims: groups(&["crew", "ops"]),
        ..ann()
    };
    let as_ops = comes_in(&room, &promoted, &house).await;
    assert_eq!(roles(&room, &as_ops.session), ["member", "operator"]);
    // Whoever left the group loses the role in every session at once.
    let left = Outsider {
        claims: groups(&[]),
        ..ann()
    };
    comes_in(&room, &left, &house).await;
    assert_eq!(roles(&room, &as_crew.session), Vec::<String>::new());
    let old = room
        .identity
        .session(&text(&as_ops.cookie), Some(BROWSER))
        .unwrap();
    assert!(old.principal.grants.is_empty());

    let dora = room.user("dora", "operator").await;
    let session = room.sign_in("dora", PASSWORD).await.unwrap().session;
    let doras = Outsider {
        subject: "4712".into(),
        email: None,
        claims: groups(&["ops", "crew"]),
        ..ann()
    };
    let offer = offered(&room, &doras, Some(&session)).await;
    tie(&room, &session, &offer.text).await.unwrap();
    let signed_in = comes_in(&room, &doras, &house).await;
    assert_eq!(signed_in.session.user, dora.id);
    assert_eq!(roles(&room, &signed_in.session), ["member", "operator"]);
    let gone = Outsider {
        claims: groups(&[]),
        ..doras
    };
    comes_in(&room, &gone, &house).await;
    assert_eq!(roles(&room, &signed_in.session), ["operator"]);
}

#[tokio::test]
async fn a_verified_address_leads_to_the_account_but_only_its_owner_ties_it() {
    let (room, alice) = Room::with_admin().await;
    let permit = room.permit(&root(), act::CreateUser, &Resource::all(ResourceKind::User));
    let new = watchroom_identity::NewUser {
        name: "bee".parse().unwrap(),
        role: "viewer".into(),
        password: Some(PASSWORD.into()),
        display_name: None,
        email: Some("Ann@Example.org".parse().unwrap()),
        call_sign: None,
    };
    let bee = room
        .identity
        .create_user(&permit.unwrap(), new)
        .await
        .unwrap()
        .user;
    let offer = offered(&room, &ann(), None).await;
    assert!(
        room.identity
            .tie_offered(alice.session.user, &offer.text)
            .is_none()
    );
    let refused = tie(&room, &alice.session, &offer.text).await.unwrap_err();
    assert!(matches!(refused, TieError::OfferOver), "{refused:?}");

    let own = room.sign_in("bee", PASSWORD).await.unwrap().session;
    assert_eq!(
        room.identity.tie_offered(bee.id, &offer.text).unwrap().label,
        "ann@example.org"
    );
    tie(&room, &own, &offer.text).await.unwrap();
    let again = tie(&room, &own, &offer.text).await.unwrap_err();
    assert!(matches!(again, TieError::Taken), "{again:?}");
    assert_eq!(
        comes_in(&room, &ann(), &Admission::default()).await.session.user,
        bee.id
    );
    // Somebody with another session is told, and stays who they are.
    let admission = Admission::default();
    let (outsider, held) = (ann(), Some(&alice.session));
    let entering = FromOutside {
        held,
        ..entering(&outsider, &admission)
    };
    let refused = room
        .identity
        .enter_from_outside(&trail(), entering)
        .await
        .unwrap_err();
    assert!(matches!(refused, OutsideError::OfAnother), "{refused:?}");

    let offer = offered(
        &room,
        &Outsider {
            subject: "5".into(),
            ..ann()
        },
        Some(&own),
    )
    .await;
    room.pass(15);
    assert!(
        room.identity.tie_offered(bee.id, &offer.text).is_none(),
        "offers end"
    );
}

#[tokio::test]
async fn who_needs_a_second_factor_has_nothing_by_a_providers_word_alone() {
    let room = strict().await;
    let alice = room.set_up("alice").await;
    let (_, enrolled) = enrol(&room, &alice.session).await;
    let session = enrolled.signed_in.session;
    let offer = offered(&room, &ann(), Some(&session)).await;
    tie(&room, &session, &offer.text).await.unwrap();
    let half = comes_in(&room, &ann(), &Admission::default()).await;
    assert_eq!(standing(&half.session), SecondFactor::ToProve);
    assert!(half.session.is_half() && half.device.is_none() && half.max_age.is_none());
    let everything = Resource::all(ResourceKind::User);
    for refused in [
        room.permit(&half.session.principal, act::ListUsers, &everything)
            .is_err(),
        room.permit(&half.session.principal, act::SeeSelf, &everything)
            .is_err(),
        room.permit(&half.session.principal, act::AddFactor, &everything)
            .is_err(),
    ] {
        assert!(refused);
    }

    // A role that a rule gives counts as any other.
    let mut house = open_house();
    house.rules.push("groups contains crew -> admin".parse().unwrap());
    let newcomer = Outsider {
        subject: "1".into(),
        ..ann()
    };
    let half = comes_in(&room, &newcomer, &house).await;
    assert_eq!(standing(&half.session), SecondFactor::ToEnrol);
}

#[tokio::test]
async fn a_disabled_account_stays_shut_whoever_vouches() {
    let (room, _) = Room::with_admin().await;
    let first = comes_in(&room, &ann(), &open_house()).await;
    let on = Resource::user(first.session.user);
    let permit = room.permit(&root(), act::ChangeUser, &on).unwrap();
    room.identity
        .change_status(&permit, UserStatus::Disabled)
        .await
        .unwrap();
    let refused = enter(&room, &ann(), &open_house()).await.unwrap_err();
    assert!(matches!(refused, OutsideError::Disabled), "{refused:?}");
    // Nor does another identity with the same address make a second account.
    let other = Outsider {
        subject: "another".into(),
        ..ann()
    };
    let refused = enter(&room, &other, &open_house()).await.unwrap_err();
    assert!(matches!(refused, OutsideError::Disabled), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_replays_one_comes_in() {
    let (room, _) = Room::with_admin().await;
    let (outsider, house) = (ann(), open_house());
    let replay = async || {
        let entering = FromOutside {
            errand: Some(Errand {
                secret: "state".into(),
                until: room.ambient.now() + Duration::from_secs(600),
            }),
            ..entering(&outsider, &house)
        };
        room.identity.enter_from_outside(&trail(), entering).await
    };
    let all = join_all((0..1_000).map(|_| replay())).await;
    let (came, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!(came.len(), 1);
    for error in refused {
        assert!(matches!(error, Err(OutsideError::Spent)), "{error:?}");
    }
    // It stays spent for whoever comes later.
    assert!(matches!(replay().await, Err(OutsideError::Spent)));
}

#[tokio::test]
async fn a_journey_is_taken_once_and_by_the_browser_that_began_it() {
    let (room, alice) = Room::with_admin().await;
    let (here, there) = (Provider::oidc("example"), Provider::oidc("other"));
    let back = "https://panel.example/login/oidc/example/callback";
    let out = SettingOut {
        redirect_uri: back,
        next: "/servers",
        held: None,
        is_own_doing: true,
    };
    let set_out = || room.identity.set_out(&here, out).unwrap();
    let (journey, cookie) = set_out();
    let (other, others_cookie) = set_out();
    assert!(journey.state != other.state && journey.nonce != other.nonce);
    let is_back = |provider, cookie: &str, state: &str| room.identity.come_back(provider, cookie, state);
    // Another browser's cookie, none, another journey's state, and another provider's way back.
    assert!(is_back(&here, &others_cookie, &journey.state).is_none());
    assert!(is_back(&here, "", &journey.state).is_none());
    assert!(is_back(&here, &cookie, &other.state).is_none());
    assert!(is_back(&here, &cookie, "").is_none());
    assert!(is_back(&there, &cookie, &journey.state).is_none());
    let came = is_back(&here, &cookie, &journey.state).unwrap();
    assert_eq!(
        (came.nonce, came.next.as_str(), came.ties, came.is_own_doing),
        (journey.nonce, "/servers", None, true)
    );
    assert!(is_back(&here, &cookie, &journey.state).is_none(), "once");
    room.pass(10);
    assert!(is_back(&here, &others_cookie, &other.state).is_none(), "too late");

    let held = Some(&*alice.session);
    let sent = SettingOut {
        held,
        is_own_doing: false,
        ..out
    };
    let (to_tie, cookie) = room.identity.set_out(&here, sent).unwrap();
    let came = is_back(&here, &cookie, &to_tie.state).unwrap();
    assert_eq!((came.ties, came.is_own_doing), (Some(alice.session.user), false));
}
