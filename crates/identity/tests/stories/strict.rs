//! What a stricter house asks: a second factor of everybody, clocks that are right, and links that hold for less long.

use watchroom_identity::{EnterByLink, LinkError, SecondStepError, SignInError};
use watchroom_kit::ExposeSecret;
use watchroom_policy::SecondFactor;

use crate::factors::{enrol, prove, shown, standing};
use crate::room::{PASSWORD, Room, cheap, trail};

#[tokio::test]
async fn every_role_may_ask_for_a_second_factor() {
    let mut config = cheap();
    config.second_factors.required_roles = vec!["*".into()];
    let room = Room::with(config).await;
    room.set_up("alice").await;
    room.user("vera", "viewer").await;
    let vera = room.sign_in("vera", PASSWORD).await.unwrap().session;
    assert_eq!(standing(&vera), SecondFactor::ToEnrol);
}

#[tokio::test]
async fn a_code_of_the_step_before_is_taken_only_where_clocks_may_be_wrong() {
    for (skew_steps, is_taken) in [(1, true), (0, false)] {
        let mut config = cheap();
        config.second_factors.skew_steps = skew_steps;
        let room = Room::with(config).await;
        let alice = room.set_up("alice").await;
        let (seed, _) = enrol(&room, &alice.session).await;
        room.pass(5);
        let half = room.sign_in("alice", PASSWORD).await.unwrap().session;
        let late = prove(&room.identity, &half, &shown(&room, &seed, -1)).await;
        assert_eq!(late.is_ok(), is_taken, "{late:?}");
        if let Err(refused) = late {
            let is_wrong = matches!(refused, SecondStepError::Refused(SignInError::Wrong { .. }));
            assert!(is_wrong, "{refused:?}");
            prove(&room.identity, &half, &shown(&room, &seed, 0))
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_link_holds_as_long_as_the_house_says() {
    for (minutes, waited, is_over) in [(10, 9, false), (10, 10, true), (15, 14, false)] {
        let mut config = cheap();
        config.magic_links.is_on = true;
        config.magic_links.minutes = minutes;
        let room = Room::with(config).await;
        let alice = room.set_up("alice").await;
        room.give_email(alice.session.user, "alice@home.example").await;
        let email = "alice@home.example".parse().unwrap();
        let offer = room.identity.ask_for_link(&trail(), &email, None).await.unwrap();
        let asked = EnterByLink {
            code: room.code_in_letter("sign_in_link").await.as_str().into(),
            browser: Some(offer.browser.expose_secret().to_owned()),
            typed: None,
            device: None,
        };
        room.pass(waited);
        let entered = room.identity.enter_by_link(&trail(), asked).await;
        assert_eq!(matches!(entered, Err(LinkError::Over)), is_over, "{entered:?}");
        assert_eq!(entered.is_ok(), !is_over, "{entered:?}");
    }
}
