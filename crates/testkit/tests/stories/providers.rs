//! Coming back from providers with nothing: how often somebody may, and on whom it tells.

use std::time::Duration;

use axum::body::Body;
use data_encoding::BASE64;
use http::Method;
use http::header::ACCEPT;
use watchroom_identity::config::{OidcRules, Preset};
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_testkit::{Answer, TestRoom, Visitor, program};
use watchroom_trust::{ClusterCa, ClusterSecret};

use super::bans::{proxied, until_status};

/// Four of them, each a name of its own where evidence is weighed.
const PROVIDERS: [&str; 4] = ["north", "east", "south", "west"];
/// How often somebody may come back to one address in a minute.
const RETURNS: usize = 20;
const FAR: &str = "198.51.100.7";
const NEIGHBOUR: &str = "198.51.101.7";

/// A room with providers that are never asked anything, since nobody brings a code back.
async fn open() -> (TestRoom, Clock) {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    let ca = ClusterCa::found(ClusterSecret::by_chance(&ambient.entropy), &ambient).expect("an authority");
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let pem = format!("{begin}\n{}\n{end}\n", BASE64.encode(&ca.certificate()));
    std::fs::write(&authority, pem).expect("a file");
    let rules = PROVIDERS.map(|name| OidcRules {
        name: name.to_owned(),
        preset: Preset::Github,
        issuer: "https://127.0.0.1:9".to_owned(),
        client_id: "watchroom".to_owned(),
        ca_file: Some(authority.clone()),
        ..OidcRules::default()
    });
    let room = TestRoom::with(program!(), ambient, |config| {
        proxied(config);
        config.identity.oidc = rules.to_vec();
    })
    .await;
    // Until there is one account, the entrance leads to the set-up.
    room.account("warden", "viewer").await;
    (room, clock)
}

/// Asks for a page as a browser does that a page of this site, or of none, sends there.
async fn look(visitor: &mut Visitor, path: &str, site: &str) -> Answer {
    let request = visitor
        .request(Method::GET, path)
        .header(ACCEPT, "text/html")
        .header("sec-fetch-site", site)
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document");
    let answer = visitor
        .send(request.body(Body::empty()).expect("a request"))
        .await;
    visitor.take_cookies(&answer);
    answer
}

/// Goes to a provider, sent by a page of that site, and comes back with nothing but the state: what the panel says of it.
async fn returns(visitor: &mut Visitor, provider: &str, site: &str) -> String {
    let away = look(visitor, &format!("/login/oidc/{provider}"), site).await;
    let (_, state) = away.header("location").split_once("state=").expect("a state");
    let state = state.split('&').next().unwrap_or_default().to_owned();
    comes_with(visitor, provider, &state).await
}

async fn comes_with(visitor: &mut Visitor, provider: &str, state: &str) -> String {
    let path = format!("/login/oidc/{provider}/callback?state={state}&error=access_denied");
    let back = look(visitor, &path, "cross-site").await;
    assert_eq!(
        (back.status, back.header("location")),
        (303, "/login"),
        "{}",
        back.text()
    );
    look(visitor, "/login", "none").await.text()
}

fn is_refused_there(said: &str) -> bool {
    said.contains("The provider did not sign you in")
}

fn is_too_often(said: &str) -> bool {
    said.contains("Too many sign-ins by providers")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_too_often_waits_a_minute_and_nobody_else_does() {
    let (room, clock) = open().await;
    let mut far = room.stranger().coming_from(FAR);
    // A state made up is no return: a page elsewhere could use up the returns of whoever looks at it.
    for _ in 0..=RETURNS {
        let said = comes_with(&mut far, "north", "made-up").await;
        assert!(said.contains("belongs to another browser"), "{said}");
    }
    for count in 0..RETURNS {
        let said = returns(&mut far, "north", "same-origin").await;
        assert!(is_refused_there(&said), "{count}: {said}");
    }
    for provider in ["north", "east"] {
        let said = returns(&mut far, provider, "same-origin").await;
        assert!(is_too_often(&said), "{provider}: {said}");
    }
    let mut neighbour = room.stranger().coming_from(NEIGHBOUR);
    let said = returns(&mut neighbour, "north", "same-origin").await;
    assert!(is_refused_there(&said), "{said}");
    // The window slides: what was in the minute before counts by the part of it that is still in.
    clock.advance(Duration::from_secs(120));
    let said = returns(&mut far, "north", "same-origin").await;
    assert!(is_refused_there(&said), "{said}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_at_providers_are_evidence_as_wrong_passwords_are_but_not_what_a_page_elsewhere_does() {
    let (room, _) = open().await;
    let mut victim = room.stranger().coming_from(FAR);
    for provider in PROVIDERS {
        // By a link, a picture or a form of a page that the victim looks at.
        assert!(is_refused_there(
            &returns(&mut victim, provider, "cross-site").await
        ));
        comes_with(&mut victim, provider, "made-up").await;
    }
    // However often it fails at one provider, that is one name.
    for _ in 0..8 {
        let said = returns(&mut victim, "north", "same-origin").await;
        assert!(is_refused_there(&said), "{said}");
    }
    let mut thief = room.stranger().coming_from(NEIGHBOUR);
    for provider in PROVIDERS {
        returns(&mut thief, provider, "none").await;
    }
    // Evidence is weighed in its order.
    until_status(&thief, "/login", 403).await;
    assert_eq!(victim.get("/login").await.status, 200);
    for name in ["root", "admin", "oracle"] {
        let refused = victim.clone().try_sign_in(name, "Password 123!").await;
        assert_eq!(refused.status, 401, "{name}");
    }
    until_status(&victim, "/login", 403).await;
    room.close().await;
}
