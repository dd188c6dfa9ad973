//! Signing in by a link that comes by mail.

use futures_util::future::join_all;
use watchroom_identity::{EnterByLink, LinkError, MagicOffer, SignedIn};
use watchroom_kit::{ExposeSecret, Fault, FaultKind, SecretString};
use watchroom_policy::{Reason, Resource, SecondFactor, act};

use crate::factors::{enrol, standing};
use crate::room::{PASSWORD, Room, cheap, root, trail, trail_from};

async fn open() -> (Room, SignedIn) {
    let mut config = cheap();
    config.magic_links.is_on = true;
    let room = Room::with(config).await;
    let alice = room.set_up("alice").await;
    room.give_email(alice.session.user, "Alice@home.example").await;
    (room, alice)
}

async fn ask(room: &Room, email: &str) -> Result<MagicOffer, LinkError> {
    room.identity
        .ask_for_link(&trail(), &email.parse().unwrap(), None)
        .await
}

fn by(code: &str, browser: Option<&SecretString>, typed: Option<&str>) -> EnterByLink {
    EnterByLink {
        code: code.into(),
        browser: browser.map(|browser| browser.expose_secret().to_owned()),
        typed: typed.map(Into::into),
        device: None,
    }
}

async fn enter(room: &Room, asked: EnterByLink) -> Result<SignedIn, LinkError> {
    room.identity.enter_by_link(&trail(), asked).await
}

#[tokio::test]
async fn a_link_opens_once_in_the_browser_that_asked_and_lies_nowhere_in_clear() {
    let (room, alice) = open().await;
    let offer = ask(&room, "alice@HOME.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    for secret in [
        code.as_str(),
        offer.browser.expose_secret(),
        &offer.code.expose_secret().replace('-', ""),
    ] {
        assert!(!room.holds_anywhere(secret), "{secret}");
    }
    let signed_in = enter(&room, by(&code, Some(&offer.browser), None)).await.unwrap();
    assert_eq!(signed_in.session.user, alice.session.user);
    let own = Resource::user(signed_in.session.user);
    let refused = room.permit(&signed_in.session.principal, act::AddFactor, &own);
    assert_eq!(
        refused.unwrap_err().reason,
        Reason::WholeStepUp,
        "whoever reads the mail has proven nothing of their own"
    );
    let again = enter(&room, by(&code, Some(&offer.browser), None))
        .await
        .unwrap_err();
    assert_eq!((again.kind(), again.slug()), (FaultKind::Gone, "link-over"));
}

#[tokio::test]
async fn elsewhere_it_opens_with_the_code_alone_and_five_wrong_ones_end_it() {
    let (room, _) = open().await;
    let offer = ask(&room, "alice@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    let stranger = SecretString::from("another browser");
    for browser in [None, Some(&stranger)] {
        let refused = enter(&room, by(&code, browser, None)).await.unwrap_err();
        assert!(
            matches!(refused, LinkError::OtherBrowser { is_wrong: false }),
            "{refused:?}"
        );
    }
    let shown = offer.code.expose_secret().to_lowercase().replace('-', " ");
    enter(&room, by(&code, None, Some(&shown))).await.unwrap();

    room.pass(1);
    let offer = ask(&room, "alice@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    let tries = (0..1_000).map(|n| {
        let (room, code) = (&room, code.as_str());
        async move { enter(room, by(code, None, Some(&format!("AAAA{n:04}")))).await }
    });
    let answers = join_all(tries).await;
    let compared = answers
        .iter()
        .filter(|answer| matches!(answer, Err(LinkError::OtherBrowser { is_wrong: true })));
    assert_eq!(compared.count(), 5, "a thousand side by side are five guesses");
    let over = enter(&room, by(&code, None, Some(offer.code.expose_secret()))).await;
    assert!(matches!(over, Err(LinkError::Over)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_replays_at_once_one_signs_in() {
    let (room, _) = open().await;
    let offer = ask(&room, "alice@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    let tries = (0..1_000).map(|_| enter(&room, by(&code, Some(&offer.browser), None)));
    let answers = join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.is_ok() || matches!(answer, Err(LinkError::Over)))
    );
}

#[tokio::test]
async fn a_link_ends_after_fifteen_minutes() {
    let (room, _) = open().await;
    let offer = ask(&room, "alice@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    room.pass(15);
    let over = enter(&room, by(&code, Some(&offer.browser), None)).await;
    assert!(matches!(over, Err(LinkError::Over)));
}

#[tokio::test]
async fn a_flood_of_asks_writes_little_and_keeps_others_out_for_a_minute_at_most() {
    let (room, _) = open().await;
    let asks = async |from: &str, n: u32| {
        let email = format!("x{n}@elsewhere.example").parse().unwrap();
        let trail = trail_from(from);
        room.identity.ask_for_link(&trail, &email, None).await
    };
    // One stranger with many addresses, then many of them.
    let mut taken = 0;
    for n in 0..1_000 {
        taken += u32::from(asks(&format!("2001:db8:7:{n:x}::1"), n).await.is_ok());
    }
    assert_eq!(taken, 10);
    for n in 1_000..2_000 {
        taken += u32::from(asks(&format!("2001:db8:{n:x}::1"), n).await.is_ok());
    }
    assert_eq!(taken, 55, "the others are for browsers that are known");
    assert!(room.letters().await.len() <= 55);
    let refused = ask(&room, "alice@home.example").await.unwrap_err();
    assert_eq!(refused.slug(), "too-many-links");
    assert!(refused.retry_after_s().is_some_and(|wait| wait <= 60));
    room.pass(1);
    ask(&room, "alice@home.example").await.unwrap();
    for _ in 0..2 {
        for n in 0..10 {
            asks("2001:db8:7::1", n).await.unwrap();
        }
        room.pass(1);
    }
    assert!(asks("2001:db8:7::1", 0).await.is_err(), "the hour is not over");
}

#[tokio::test]
async fn a_crowd_from_a_few_networks_stops_nobody_elsewhere_and_no_browser_that_is_known() {
    let (room, alice) = open().await;
    let (bob, carl) = (
        room.user("bob", "viewer").await,
        room.user("carl", "viewer").await,
    );
    room.give_email(bob.id, "bob@home.example").await;
    room.give_email(carl.id, "carl@home.example").await;
    let asks = async |from: &str, email: &str, device: Option<&SignedIn>| {
        let device = device.and_then(|signed_in| signed_in.device.as_ref());
        let device = device.map(|device| device.cookie.as_str());
        let (trail, email) = (trail_from(from), email.parse().unwrap());
        let asked = room.identity.ask_for_link(&trail, &email, device).await;
        asked.is_ok()
    };
    let mut crowd = 0;
    for n in 0..200 {
        let (from, email) = (format!("203.0.{}.9", n % 5), format!("x{n}@elsewhere.example"));
        crowd += u32::from(asks(&from, &email, None).await);
    }
    assert_eq!(crowd, 40);
    assert!(asks("198.51.100.7", "bob@home.example", None).await, "elsewhere");
    // In the midst of the crowd only a browser that was there before, and for nobody but whom it was there for.
    assert!(!asks("203.0.1.10", "carl@home.example", None).await);
    assert!(!asks("203.0.1.10", "carl@home.example", Some(&alice)).await);
    assert!(asks("203.0.1.10", "alice@home.example", Some(&alice)).await);
    assert!(room.letters().await.len() <= 60);
}

#[tokio::test]
async fn the_answer_is_the_same_for_an_address_that_nobody_has() {
    let (room, _) = open().await;
    for email in ["alice@home.example", "nobody@home.example"] {
        room.pass(1);
        for n in 0..3 {
            let offer = ask(&room, email).await.unwrap();
            assert_eq!(offer.code.expose_secret().len(), 9, "{email} {n}");
        }
        let refused = ask(&room, email).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.slug()),
            (FaultKind::Limited, "too-many-links")
        );
        assert!(
            refused
                .retry_after_s()
                .is_some_and(|wait| (3_500..=3_600).contains(&wait))
        );
    }
    assert_eq!(room.letters().await, ["sign_in_link"; 6], "as many letters wait");
    let code = room.code_in_letter("sign_in_link").await;
    let over = enter(&room, by(&code, None, None)).await;
    assert!(
        matches!(over, Err(LinkError::Over)),
        "that of nobody opens nothing"
    );
    room.pass(60);
    ask(&room, "alice@home.example").await.unwrap();
}

#[tokio::test]
async fn where_a_second_factor_is_needed_a_link_is_the_first_one_alone() {
    let (room, alice) = open().await;
    enrol(&room, &alice.session).await;
    let offer = ask(&room, "alice@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    let half = enter(&room, by(&code, Some(&offer.browser), None)).await.unwrap();
    assert_eq!(standing(&half.session), SecondFactor::ToProve);
    assert!(half.session.is_half());
    let on = Resource::user(half.session.user);
    assert!(
        room.permit(&half.session.principal, act::ChangeEmail, &on)
            .is_err()
    );
}

#[tokio::test]
async fn another_address_and_a_disabled_account_end_what_is_on_its_way() {
    let (room, alice) = open().await;
    let offer = ask(&room, "alice@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    room.give_email(alice.session.user, "new@home.example").await;
    let over = enter(&room, by(&code, Some(&offer.browser), None)).await;
    assert!(matches!(over, Err(LinkError::Over)));

    room.pass(1);
    let bob = room.user("bob", "viewer").await;
    room.give_email(bob.id, "bob@home.example").await;
    let offer = ask(&room, "bob@home.example").await.unwrap();
    let code = room.code_in_letter("sign_in_link").await;
    let disable = room
        .permit(&root(), act::ChangeUser, &Resource::user(bob.id))
        .unwrap();
    room.identity
        .change_status(&disable, watchroom_identity::UserStatus::Disabled)
        .await
        .unwrap();
    let over = enter(&room, by(&code, Some(&offer.browser), None)).await;
    assert!(matches!(over, Err(LinkError::Over)));
}

#[tokio::test]
async fn links_are_off_unless_the_configuration_says_so() {
    let (room, alice) = Room::with_admin().await;
    room.give_email(alice.session.user, "alice@home.example").await;
    let off = ask(&room, "alice@home.example").await.unwrap_err();
    assert!(matches!(off, LinkError::Off), "{off:?}");
    assert!(room.sign_in("alice", PASSWORD).await.is_ok());
}
