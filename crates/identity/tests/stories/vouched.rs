//! What a provider's word is worth: how fresh a proof it is, and how much a stranger can make of it.

use std::time::Duration;

use watchroom_identity::{
    Again, EntranceEvent, FromOutside, Journey, Outsider, Provider, ProviderFault, Session, SettingOut,
    StepUpError,
};
use watchroom_model::PageRequest;
use watchroom_policy::{EventType, Reason, Resource, SecondFactor, act};
use watchroom_store::AuditFilter;

use crate::factors::{enrol, standing, strict};
use crate::outside::{ann, comes_in, enter, entering, open_house};
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
        (Some(now - Duration::from_secs(3_600)), Some(Reason::WholeStepUp)),
        (None, Some(Reason::WholeStepUp)),
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
            assert_eq!(later, Some(Reason::WholeStepUp), "a future is no proof for ever");
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

#[tokio::test]
async fn who_has_nothing_here_to_prove_it_by_is_told_so_and_loses_no_try() {
    let (room, _) = Room::with_admin().await;
    let session = comes_in(&room, &ann(), &open_house()).await.session;
    for again in [
        Again::Either("a guess".into()),
        Again::Password("a guess".into()),
        Again::Code("000000".into()),
    ] {
        let told = room.identity.step_up(&session, &trail(), again).await;
        assert!(matches!(told, Err(StepUpError::Nothing)), "{told:?}");
    }
    assert_eq!(failures(&room).await, (0, 0));
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

/// A journey to this provider, and what the browser keeps of it.
fn journey(room: &Room, to: &Provider, is_own_doing: bool) -> (Journey, String) {
    let out = SettingOut {
        redirect_uri: "https://panel.example/login/oidc/example/callback",
        next: "/",
        held: None,
        is_own_doing,
    };
    room.identity.set_out(to, out).unwrap()
}

async fn not_vouched(room: &Room, (to, journey): (&Provider, &Journey), fault: &ProviderFault) {
    let trail = trail();
    let noted = room.identity.note_not_vouched(&trail, (to, journey), fault);
    noted.await.unwrap();
}

fn says_no() -> ProviderFault {
    ProviderFault {
        is_away: false,
        word: "refused_there",
        cause: "no code came".into(),
    }
}

#[tokio::test]
async fn strangers_who_bring_nothing_back_buy_a_few_entries_and_a_count() {
    let (room, _) = Room::with_admin().await;
    let provider = Provider::oidc("example");
    let (journey, _) = journey(&room, &provider, true);
    let nobody = Outsider { email: None, ..ann() };
    for _ in 0..50 {
        not_vouched(&room, (&provider, &journey), &says_no()).await;
        enter(&room, &nobody, &open_house()).await.unwrap_err();
    }
    assert_eq!(failures(&room).await, (5, 0));
    room.pass(1);
    enter(&room, &nobody, &open_house()).await.unwrap_err();
    // One more of each reason, and one of this minute.
    assert_eq!(failures(&room).await, (5 + 2 + 1, 95));
}

#[tokio::test]
async fn what_fails_at_a_provider_is_told_as_one_name_and_only_of_who_set_out_by_themselves() {
    let (room, alice) = Room::with_admin().await;
    let mut events = room.identity.events();
    let mut told = || {
        let mut names = Vec::new();
        while let Ok(event) = events.try_recv() {
            match event {
                EntranceEvent::SignInFailed { name, locks, .. } => names.push((name, locks)),
                other => panic!("{other:?}"),
            }
        }
        names
    };
    let (here, there) = (Provider::oidc("example"), Provider::oidc("other"));
    let away = ProviderFault {
        is_away: true,
        ..says_no()
    };
    let note = async |provider: &Provider, is_own_doing: bool, fault: &ProviderFault| {
        let (journey, _) = journey(&room, provider, is_own_doing);
        not_vouched(&room, (provider, &journey), fault).await;
    };
    note(&here, true, &away).await;
    note(&here, false, &says_no()).await;
    // Who is vouched for and not let in: sent by a page elsewhere, and signed in to another account.
    let house = open_house();
    let nobody = Outsider {
        subject: "5".into(),
        email: None,
        ..ann()
    };
    let known = ann();
    comes_in(&room, &known, &house).await;
    for (outsider, held, is_own_doing) in [(&nobody, None, false), (&known, Some(&alice.session), true)] {
        let entering = FromOutside {
            held,
            is_own_doing,
            ..entering(outsider, &house)
        };
        let entered = room.identity.enter_from_outside(&trail(), entering).await;
        entered.unwrap_err();
    }
    assert_eq!(told().len(), 0);

    note(&here, true, &says_no()).await;
    note(&here, true, &says_no()).await;
    enter(&room, &nobody, &house).await.unwrap_err();
    let of_here = told();
    assert_eq!(of_here, [of_here[0]; 3]);
    assert!(!of_here[0].1, "it locks nothing");
    note(&there, true, &says_no()).await;
    assert_ne!(told(), [of_here[0]]);
}

#[tokio::test]
async fn however_many_journeys_strangers_end_the_next_person_comes_back() {
    let (room, _) = Room::with_admin().await;
    let here = Provider::oidc("example");
    let set_out = || journey(&room, &here, true);
    let is_back = |(journey, cookie): &(Journey, String)| {
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
