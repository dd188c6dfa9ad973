//! The order of the checks, as a request meets them that does everything wrong.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Version};
use proptest::prelude::*;
use rustls::pki_types::CertificateDer;
use tokio::sync::broadcast::Receiver;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_shield::{
    AllowedNetworks, Ban, BanBook, BanKind, Config, JudgeCertificates, Lacks, LimitKey, Peer, RouteClass,
    RouteRule, Shield, ShieldEvent, Window,
};

use super::room::shield;

/// Tries to sign in that an address has, and uses up before the story.
const TRIES: Window = Window::per_minute(5);

/// A try to sign in, with faults that are mended one after the other.
struct Marked {
    peer: Peer,
    path: &'static str,
    query: String,
    /// Whom the proxy names, in its own header and in the standard one.
    named: [&'static str; 2],
    host: &'static str,
    proto: &'static str,
    site: &'static str,
    length: &'static str,
}

impl Marked {
    /// How many checks were passed, the one that objects and what it says.
    fn refused(&self, shield: &Shield) -> Option<(usize, &'static str, &'static str)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}?{}", self.path, self.query))
            .version(Version::HTTP_11)
            .header("host", self.host)
            .header("x-forwarded-for", self.named[0])
            .header("forwarded", format!("for={}", self.named[1]))
            .header("x-forwarded-proto", self.proto)
            .header("sec-fetch-site", self.site)
            .header("content-length", self.length);
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let mut behind = Vec::new();
        let refused = shield.pass_watched(&mut parts, &self.peer, |check| behind.push(check));
        let check = Shield::order().find(|check| !behind.contains(check));
        refused
            .err()
            .map(|refused| (behind.len(), check.unwrap(), refused.why.slug()))
    }
}

/// What is met on the way, decoys included: they are told of and stop nobody.
struct Journey {
    shield: Shield,
    events: Receiver<ShieldEvent>,
    met: Vec<String>,
}

impl Journey {
    fn meet(&mut self, marked: &Marked) {
        let refused = marked.refused(&self.shield);
        while let Ok(event) = self.events.try_recv() {
            if let ShieldEvent::Decoy { .. } = event {
                self.met.push("decoys: told of".to_owned());
            }
        }
        let (passed, check, slug) = refused.expect("there are faults left");
        self.met.push(format!("{passed} passed, {check}: {slug}"));
    }
}

/// Finds no certificate good.
#[derive(Debug)]
struct Severe;

impl JudgeCertificates for Severe {
    fn judge(&self, _: &[CertificateDer<'static>]) -> Result<(), Lacks> {
        Err(Lacks::Certificate)
    }
}

/// An edge to which everything that is asked for is an attempt to sign in.
fn severe() -> (Shield, Clock) {
    let networks: Vec<_> = vec!["192.0.2.0/24".parse().unwrap()];
    let mut config = Config {
        trusted_proxies: vec!["10.0.0.1".parse().unwrap()],
        hosts: vec!["panel.example".to_owned()],
        allowed_networks: AllowedNetworks {
            sign_in: networks.clone(),
            nodes: networks,
            ..AllowedNetworks::default()
        },
        ..Config::default()
    };
    config.limits.sign_in = vec![TRIES];
    let ambient = Ambient {
        clock: Clock::manual(time::macros::datetime!(2026-01-02 03:04:05 UTC)),
        entropy: Entropy::seeded(1),
        tasks: Tasks::new(),
    };
    let classify = |_: &Method, _: &str| RouteRule::new(RouteClass::SignIn);
    let shield = Shield::new(config, &[], Arc::new(classify), &ambient);
    let bans = ["10.0.0.1", "198.51.100.7"].map(|network| Ban {
        network: network.parse().unwrap(),
        kind: BanKind::Attack,
        until: i64::MAX,
    });
    shield.ban(bans.into_iter().collect::<BanBook>());
    shield.want_certificates(vec![RouteClass::SignIn], Arc::new(Severe));
    for address in ["10.0.0.1", "198.51.100.7", "198.51.100.8", "192.0.2.7"] {
        let address = LimitKey::Address(address.parse().unwrap());
        for _ in 0..TRIES.limit {
            shield.limits().take("sign-in", address, &[TRIES]).unwrap();
        }
    }
    (shield, ambient.clock)
}

#[test]
fn a_marked_request_meets_the_checks_in_their_order() {
    let (shield, clock) = severe();
    let events = shield.events();
    let mut journey = Journey {
        shield: shield.clone(),
        events,
        met: Vec::new(),
    };
    let proxy = "10.0.0.1:5000".parse().unwrap();
    // Behind the wrong door no host is looked at and no certificate wanted; those two faults show once it is left.
    let mut marked = Marked {
        peer: Peer::narrow(proxy, RouteClass::Join).surplus(),
        path: "/.env",
        query: format!(
            "q='%20union%20select%20password%20from%20people--&pad={}",
            "x".repeat(9_000)
        ),
        named: ["198.51.100.7", "203.0.113.9"],
        host: "a b",
        proto: "http",
        site: "cross-site",
        length: "99999999",
    };
    journey.meet(&marked);
    marked.peer = Peer::narrow(proxy, RouteClass::Join);
    journey.meet(&marked);
    marked.query.truncate(48);
    journey.meet(&marked);
    marked.named = ["198.51.100.7"; 2];
    journey.meet(&marked);
    marked.named = ["198.51.100.8"; 2];
    journey.meet(&marked);
    marked.named = ["192.0.2.7"; 2];
    journey.meet(&marked);
    marked.path = "/sign-in";
    marked.peer = Peer::tls(proxy, false);
    journey.meet(&marked);
    marked.host = "elsewhere.example";
    journey.meet(&marked);
    marked.host = "panel.example";
    journey.meet(&marked);
    marked.proto = "https";
    journey.meet(&marked);
    marked.site = "same-origin";
    journey.meet(&marked);
    clock.advance(Duration::from_secs(64));
    journey.meet(&marked);
    shield.want_certificates(Vec::new(), Arc::new(Severe));
    journey.meet(&marked);
    marked.length = "10";
    journey.meet(&marked);
    marked.query.clear();
    assert_eq!(marked.refused(&shield), None);
    insta::assert_snapshot!(journey.met.join("\n"), @r"
    0 passed, connections: overloaded
    1 passed, sizes: uri-too-long
    2 passed, proxies: forwarded-twice
    3 passed, bans: banned
    4 passed, networks: network-not-allowed
    decoys: told of
    6 passed, door: wrong-door
    7 passed, host: bad-host
    7 passed, host: wrong-host
    8 passed, https: https-required
    9 passed, elsewhere: from-elsewhere
    10 passed, rates: rate-limited
    11 passed, certificate: client-certificate-wanted
    12 passed, body: body-too-large
    13 passed, inspection: input-refused
    ");
    insta::assert_snapshot!(Shield::order().collect::<Vec<_>>().join(", "), @"connections, sizes, proxies, bans, networks, decoys, door, host, https, elsewhere, rates, certificate, body, inspection");
}

#[test]
fn a_changed_configuration_counts_from_the_next_request() {
    let (shield, _clock) = shield(Config::default());
    let ask = |host: &str| {
        let request = Request::builder().uri("/").header("host", host);
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer = Peer::tls("198.51.100.7:5000".parse().unwrap(), false);
        shield
            .pass(&mut parts, &peer)
            .err()
            .map(|refused| refused.why.slug())
    };
    assert_eq!(ask("new.example"), Some("wrong-host"));
    shield.reload(
        Config {
            hosts: vec!["new.example".to_owned()],
            ..Config::default()
        },
        &[],
    );
    assert_eq!(ask("new.example"), None);
    assert_eq!(ask("panel.example"), Some("wrong-host"));
}

#[test]
fn a_proxys_word_on_how_it_was_reached_counts_whatever_it_speaks_with_us() {
    let (shield, _clock) = shield(Config {
        trusted_proxies: vec!["10.0.0.1".parse().unwrap()],
        ..Config::default()
    });
    let ask = |peer: Peer, stated: Option<&str>| {
        let mut request = Request::builder().uri("/").header("host", "panel.example");
        if let Some(stated) = stated {
            request = request.header("x-forwarded-proto", stated);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        shield
            .pass(&mut parts, &peer)
            .err()
            .map(|refused| refused.why.slug())
    };
    let (proxy, stranger) = ("10.0.0.1:1".parse().unwrap(), "198.51.100.7:1".parse().unwrap());
    assert_eq!(ask(Peer::plain_to_tls(proxy), Some("https")), None);
    assert_eq!(
        ask(Peer::plain_to_tls(proxy), Some("http")),
        Some("moved-to-https")
    );
    assert_eq!(ask(Peer::plain_to_tls(proxy), None), Some("moved-to-https"));
    assert_eq!(ask(Peer::tls(proxy, false), Some("http")), Some("moved-to-https"));
    assert_eq!(ask(Peer::tls(proxy, false), None), None);
    assert_eq!(
        ask(Peer::plain_to_tls(stranger), Some("https")),
        Some("moved-to-https")
    );
    assert_eq!(ask(Peer::tls(stranger, false), Some("http")), None);
}

proptest! {
    #[test]
    fn whatever_is_asked_is_let_through_or_refused_with_a_reason(
        target in "/[!-~&&[^#]]{0,40}",
        lines in proptest::collection::vec(("[a-z-]{1,20}|host|content-length|x-forwarded-for|forwarded|x-forwarded-host", "[ -~]{0,60}"), 0..12),
        is_proxy in any::<bool>(),
    ) {
        let peer = if is_proxy { "10.0.0.1:1" } else { "198.51.100.7:1" };
        let (shield, _clock) = shield(Config { trusted_proxies: vec!["10.0.0.1".parse().unwrap()], ..Config::default() });
        let mut request = Request::builder().uri(target);
        for (name, value) in &lines {
            request = request.header(name, value);
        }
        // What is no request cannot be asked.
        let Ok(request) = request.body(()) else { return Ok(()) };
        let (mut parts, ()) = request.into_parts();
        match shield.pass(&mut parts, &Peer::plain_to_tls(peer.parse().unwrap())) {
            Ok(passed) => prop_assert!(is_proxy && passed.is_https),
            Err(refused) => prop_assert!(refused.why.status().as_u16() >= 300),
        }
    }
}

#[test]
fn a_port_that_only_redirects_sends_to_the_other_whatever_a_proxy_says() {
    let (shield, _) = shield(Config {
        trusted_proxies: vec!["10.0.0.1".parse().unwrap()],
        hosts: vec!["panel.example".to_owned(), "2001:db8::1".to_owned()],
        ..Config::default()
    });
    let ask = |method: &str, host: &str, port| {
        let request = Request::builder()
            .method(method)
            .uri("/nodes?page=2")
            .header("host", host)
            .header("x-forwarded-for", "198.51.100.7")
            .header("x-forwarded-proto", "https");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer = Peer::redirected("10.0.0.1:4711".parse().unwrap(), port);
        let refused = shield.pass(&mut parts, &peer).unwrap_err();
        let answer = shield.refuse(&refused);
        let location = answer.headers().get("location");
        (
            answer.status().as_u16(),
            location.map(|location| location.to_str().unwrap().to_owned()),
        )
    };
    let sent = |to: &str| (301, Some(to.to_owned()));
    assert_eq!(
        ask("GET", "panel.example", 7443),
        sent("https://panel.example:7443/nodes?page=2")
    );
    assert_eq!(
        ask("GET", "panel.example:80", 443),
        sent("https://panel.example/nodes?page=2")
    );
    assert_eq!(
        ask("GET", "[2001:db8::1]", 7443),
        sent("https://[2001:db8::1]:7443/nodes?page=2")
    );
    assert_eq!(
        ask("GET", "[2001:db8::1]:80", 443),
        sent("https://[2001:db8::1]/nodes?page=2")
    );
    assert_eq!(ask("POST", "panel.example", 7443), (400, None));
    assert_eq!(ask("GET", "evil.example", 7443), (421, None));
}
