//! The order of the checks, as a request meets them that does everything wrong.

use http::{Method, Request, Version};
use proptest::prelude::*;
use watchroom_shield::{Config, Peer, Shield, Window};

use super::room::shield;

/// A request with faults that are mended one after the other.
struct Marked {
    target: String,
    host: &'static str,
    peer: Peer,
    length: &'static str,
}

impl Marked {
    fn refused(&self, shield: &Shield) -> Option<&'static str> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.target)
            .version(Version::HTTP_11)
            .header("host", self.host)
            .header("content-length", self.length);
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        shield
            .pass(&mut parts, &self.peer)
            .err()
            .map(|refused| refused.why.slug())
    }
}

#[test]
fn a_marked_request_meets_the_checks_in_their_order() {
    let mut config = Config::default();
    config.limits.anonymous = vec![Window::per_minute(1)];
    let (shield, clock) = shield(config);
    let address = "198.51.100.7:5000".parse().unwrap();
    let mut marked = Marked {
        target: format!("/{}", "x".repeat(9_000)),
        host: "a b",
        peer: Peer::plain_to_tls(address),
        length: "99999999",
    };
    let mut met = vec![marked.refused(&shield).unwrap()];
    marked.target = "/echo".to_owned();
    met.push(marked.refused(&shield).unwrap());
    marked.host = "elsewhere.example";
    met.push(marked.refused(&shield).unwrap());
    marked.host = "panel.example";
    met.push(marked.refused(&shield).unwrap());
    marked.peer = Peer::tls(address, false);
    met.push(marked.refused(&shield).unwrap());
    // The body was refused after it had been counted, so the next one is one too many.
    met.push(marked.refused(&shield).unwrap());
    clock.advance(std::time::Duration::from_secs(64));
    marked.length = "10";
    assert_eq!(marked.refused(&shield), None);
    insta::assert_snapshot!(
        met.join(", "),
        @"uri-too-long, bad-host, wrong-host, https-required, body-too-large, rate-limited"
    );
    insta::assert_snapshot!(Shield::order().collect::<Vec<_>>().join(", "), @"connections, sizes, proxies, bans, networks, decoys, door, host, https, elsewhere, rates, certificate, body, inspection");
}

#[test]
fn a_changed_configuration_counts_from_the_next_request() {
    let (shield, _clock) = shield(Config::default());
    let mut marked = Marked {
        target: "/".to_owned(),
        host: "new.example",
        peer: Peer::tls("198.51.100.7:5000".parse().unwrap(), false),
        length: "0",
    };
    assert_eq!(marked.refused(&shield), Some("wrong-host"));
    shield.reload(
        Config {
            hosts: vec!["new.example".to_owned()],
            ..Config::default()
        },
        &[],
    );
    assert_eq!(marked.refused(&shield), None);
    marked.host = "panel.example";
    assert_eq!(marked.refused(&shield), Some("wrong-host"));
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
