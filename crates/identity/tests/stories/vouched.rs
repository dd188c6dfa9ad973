//! What a provider's word is worth: how fresh a proof it is, and how much a stranger can make of it.

use std::time::Duration;

use watchroom_identity::{Outsider, Provider, ProviderFault, Session};
use watchroom_model::PageRequest;
use watchroom_policy::{EventType, Reason, Resource, SecondFactor, act};
use watchroom_store::AuditFilter;

use crate::factors::{enrol, standing, strict};
use crate::outside::{ann, comes_in, enter, open_house};
use crate::room::{Room, trail};

/// Why this session may not add a factor; none if it may.
fn is_kept_from_factors(room: &Room, session: &Session) -> Option<Reason> {
    let on = Resource::user(session.user);
    let asked = room.permit(&session.principal, act::AddFactor, &on);
    asked.err().map(|refusal| refusal.reason)
}

#[tokio::test]
async fn a_provider_that_asked_for_nothing_gives_no_fresh_proof() {
    let (room, _) = Room::with_admin().await;
    let now = room.ambient.now();
    for (proven_at, refused) in [
        (Some(now), None),
        (Some(now + Duration::from_secs(3_600)), None),
        (Some(now - Duration::from_secs(3_600)), Some(Reason::StepUp)),
        (None, Some(Reason::StepUp)),
    ] {
        let as_said = Outsider { proven_at, ..ann() };
        let signed_in = comes_in(&room, &as_said, &open_house()).await;
        assert!(!signed_in.session.is_half());
        assert_eq!(
            is_kept_from_factors(&room, &signed_in.session),
            refused,
            "{proven_at:?}"
        );
        if refused.is_none() {
            room.pass(11);
            let later = is_kept_from_factors(&room, &signed_in.session);
            assert_eq!(later, Some(Reason::StepUp), "a future is no proof for ever");
        }
    }
}

#[tokio::test]
async fn who_must_enrol_may_do_so_whatever_the_provider_says_and_then_has_proven_it() {
    let room = strict().await;
    room.set_up("alice").await;
    let mut house = open_house();
    house.rules.push("groups contains crew -> admin".parse().unwrap());
    let silent = Outsider {
        proven_at: None,
        ..ann()
    };
    let half = comes_in(&room, &silent, &house).await.session;
    assert_eq!(standing(&half), SecondFactor::ToEnrol);
    let (_, enrolled) = enrol(&room, &half).await;
    let whole = enrolled.signed_in.session;
    assert_eq!(is_kept_from_factors(&room, &whole), None);
}

/// How many failures are written down, and how many more they count.
async fn failures(room: &Room) -> (usize, u64) {
    let filter = AuditFilter {
        event_type: Some(EventType::AuthFailed),
        ..AuditFilter::default()
    };
    let page = room.store.audit().page(&filter, &PageRequest::default()).await;
    let items = page.unwrap().items;
    let counts = items
        .iter()
        .filter_map(|entry| entry.extra.get("count")?.as_u64());
    (items.len(), counts.sum())
}

#[tokio::test]
async fn strangers_who_bring_nothing_back_buy_a_few_entries_and_a_count() {
    let (room, _) = Room::with_admin().await;
    let provider = Provider::oidc("example");
    let junk = ProviderFault {
        is_away: false,
        word: "refused_there",
        cause: "no code came".into(),
    };
    let nobody = Outsider { email: None, ..ann() };
    for _ in 0..50 {
        let noted = room.identity.note_not_vouched(&trail(), &provider, &junk).await;
        noted.unwrap();
        enter(&room, &nobody, &open_house()).await.unwrap_err();
    }
    assert_eq!(failures(&room).await, (5, 0));
    room.pass(1);
    enter(&room, &nobody, &open_house()).await.unwrap_err();
    // One more of each reason, and one of this minute.
    assert_eq!(failures(&room).await, (5 + 2 + 1, 95));
}

#[tokio::test]
async fn however_many_journeys_strangers_end_the_next_person_comes_back() {
    let (room, _) = Room::with_admin().await;
    let here = Provider::oidc("example");
    let set_out = || {
        let back = "https://panel.example/login/oidc/example/callback";
        room.identity.set_out(&here, back, "/", None).unwrap()
    };
    let is_back = |(journey, cookie): &(watchroom_identity::Journey, String)| {
        let came = room.identity.come_back(&here, cookie, &journey.state);
        came.is_some()
    };
    let (mut last, most) = (set_out(), 50_001);
    for _ in 0..most {
        last = set_out();
        assert!(is_back(&last));
    }
    let good = set_out();
    assert!(is_back(&good));
    assert!(!is_back(&good) && !is_back(&last), "once, all the same");
}
