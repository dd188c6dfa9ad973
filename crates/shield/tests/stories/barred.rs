//! Who is turned away by address: bans, networks, decoys; and who cannot get around that.

use http::Request;
use watchroom_shield::{
    AllowedNetworks, Ban, BanBook, BanKind, Config, LocalPeer, Peer, RouteClass, RouteRule, Shield,
    ShieldEvent,
};

use super::room::{Room, line, say, shield, status};

/// A proxy that is declared, and one on this machine that is not.
const PROXY: &str = "10.0.0.1:1";
const LOCAL: &str = "127.0.0.1:1";

fn ban(shield: &Shield, bans: &[(&str, BanKind)]) {
    let bans = bans.iter().map(|(network, kind)| Ban {
        network: network.parse().unwrap(),
        kind: *kind,
        until: i64::MAX,
    });
    shield.ban(bans.collect::<BanBook>());
}

fn ask(shield: &Shield, path: &str, peer: Peer, headers: &[(&str, &str)]) -> Option<&'static str> {
    let mut request = Request::builder().uri(path).header("host", "panel.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let refused = shield.pass(&mut parts, &peer).err();
    refused.map(|refused| refused.why.slug())
}

fn from(address: &str) -> Peer {
    Peer::tls(address.parse().unwrap(), false)
}

#[test]
fn a_ban_for_an_attack_keeps_all_out_but_health_and_the_socket() {
    let (shield, _clock) = shield(Config::default());
    ban(&shield, &[("198.51.100.7", BanKind::Attack)]);
    let banned = from("198.51.100.7:5000");
    assert_eq!(
        ask(&shield, "/seen", banned, &[("cookie", "good")]),
        Some("banned")
    );
    assert_eq!(ask(&shield, "/health", banned, &[]), None);
    assert_eq!(ask(&shield, "/seen", from("198.51.100.8:5000"), &[]), None);
    let root = Peer::local(LocalPeer { uid: 0, pid: None });
    ban(&shield, &[("0.0.0.0/0", BanKind::Attack)]);
    assert_eq!(ask(&shield, "/seen", root, &[]), None);
    ban(&shield, &[]);
    assert_eq!(ask(&shield, "/seen", banned, &[]), None);
}

#[tokio::test]
async fn a_ban_for_sign_in_ends_nobody_who_is_in() {
    let room = Room::open(Config {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Config::default()
    })
    .await;
    ban(&room.shield, &[("198.51.100.0/24", BanKind::SignIn)]);
    let from = "x-forwarded-for: 198.51.100.7\r\n";
    let nobody = room.get_with("/seen", from).await;
    let (headers, body) = nobody.split_once("\r\n\r\n").unwrap();
    assert_eq!((status(&nobody), body), (403, ""), "a bare answer");
    assert_eq!(line(headers, "x-frame-options"), Some("DENY"), "{headers}");
    let somebody = room.get_with("/whoami", &format!("{from}cookie: good\r\n")).await;
    assert!(somebody.ends_with("somebody"), "{somebody}");
    let pretender = room.get_with("/whoami", &format!("{from}cookie: none\r\n")).await;
    let body = pretender.split_once("\r\n\r\n").unwrap().1;
    assert_eq!((status(&pretender), body), (403, ""), "{pretender}");
    assert_eq!(status(&room.get_with("/health", from).await), 200);
}

#[test]
fn no_disguise_gets_around_a_ban() {
    let config = Config {
        trusted_proxies: vec!["10.0.0.0/24".parse().unwrap()],
        ..Config::default()
    };
    let (shield, _clock) = shield(config);
    let bans = [
        ("198.51.100.7", BanKind::Attack),
        ("2001:db8:1:2::/64", BanKind::Attack),
        ("127.0.0.1", BanKind::Attack),
    ];
    ban(&shield, &bans);
    let x = |chain: &'static str| vec![("x-forwarded-for", chain)];
    let f = |chain: &'static str| vec![("forwarded", chain)];
    #[rustfmt::skip]
    let table = [
        // Somebody who is banned and says they are another.
        ("198.51.100.7:1", x("203.0.113.9"), Some("banned")),
        ("198.51.100.7:1", f("for=203.0.113.9"), Some("banned")),
        ("[::ffff:198.51.100.7]:1", vec![], Some("banned")),
        // A /64 belongs to one customer, who rotates within it.
        ("[2001:db8:1:2::1]:1", vec![], Some("banned")),
        ("[2001:db8:1:2:ffff:1:2:3]:1", vec![], Some("banned")),
        ("[2001:db8:1:3::1]:1", vec![], None),
        // Through declared proxies: the right-most address that is not theirs counts.
        (PROXY, x("198.51.100.7"), Some("banned")),
        (PROXY, x("203.0.113.9, 198.51.100.7"), Some("banned")),
        (PROXY, x("203.0.113.9, 198.51.100.7, 10.0.0.2"), Some("banned")),
        (PROXY, x("203.0.113.9, ::ffff:198.51.100.7, ::ffff:10.0.0.2"), Some("banned")),
        (PROXY, f("for=203.0.113.9, for=198.51.100.7;proto=https"), Some("banned")),
        (PROXY, f("for=\"[2001:db8:1:2::9]:4711\""), Some("banned")),
        // Nor is an innocent banned by naming somebody who is.
        (PROXY, x("198.51.100.7, 203.0.113.9"), None),
        ("203.0.113.9:1", x("198.51.100.7"), None),
        // A proxy that nobody declared is taken for the client, whatever it says.
        (LOCAL, x("203.0.113.9"), Some("banned")),
    ];
    for (peer, headers, expected) in table {
        assert_eq!(
            ask(&shield, "/seen", from(peer), &headers),
            expected,
            "{peer} {headers:?}"
        );
    }
}

fn classes(_: &http::Method, path: &str) -> RouteRule {
    match path {
        "/admin" => RouteRule::new(RouteClass::Administration),
        "/login" => RouteRule::new(RouteClass::SignIn),
        "/join" => RouteRule::new(RouteClass::Join),
        "/style" => RouteRule::new(RouteClass::Static),
        "/health" => RouteRule::new(RouteClass::Health),
        "/setup" => RouteRule::new(RouteClass::SignIn).for_all_networks(),
        _ => RouteRule::new(RouteClass::Page),
    }
}

fn classed(allowed_networks: AllowedNetworks) -> Shield {
    let config = Config {
        trusted_proxies: vec!["10.9.9.9".parse().unwrap()],
        hosts: vec!["panel.example".to_owned()],
        allowed_networks,
        ..Config::default()
    };
    let ambient = watchroom_kit::Ambient::system();
    Shield::new(config, &[], std::sync::Arc::new(classes), &ambient)
}

/// A peer, what its proxy says, and why it is refused.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<&'a str>);

const PROXIED: &[(&str, &str)] = &[("x-forwarded-for", "127.0.0.1")];

#[test]
fn administration_is_for_private_networks_unless_configured_otherwise() {
    let shield = classed(AllowedNetworks::default());
    #[rustfmt::skip]
    let table: &[Row] = &[
        (LOCAL, &[], None),
        ("10.1.2.3:1", &[], None),
        ("172.31.0.1:1", &[], None),
        ("192.168.0.1:1", &[], None),
        ("[fd12::1]:1", &[], None),
        ("[fe80::1]:1", &[], None),
        ("[::ffff:192.168.0.1]:1", &[], None),
        ("172.32.0.1:1", &[], Some("network-not-allowed")),
        ("198.51.100.7:1", &[], Some("network-not-allowed")),
        ("198.51.100.7:1", &[("x-forwarded-for", "10.1.2.3")], Some("network-not-allowed")),
        ("[2001:db8::1]:1", &[], Some("network-not-allowed")),
        // A proxy on this machine lends nobody its loopback, declared or not.
        (LOCAL, PROXIED, Some("network-not-allowed")),
        ("10.9.9.9:1", PROXIED, Some("network-not-allowed")),
        ("10.9.9.9:1", &[("x-forwarded-for", "198.51.100.7")], Some("network-not-allowed")),
        ("10.9.9.9:1", &[("x-forwarded-for", "10.1.2.3")], None),
    ];
    for (peer, headers, expected) in table {
        assert_eq!(
            ask(&shield, "/admin", from(peer), headers),
            *expected,
            "{peer} {headers:?}"
        );
        assert_eq!(
            ask(&shield, "/login", from(peer), headers),
            None,
            "{peer}: the panel is open"
        );
    }
}

#[test]
fn each_kind_of_route_has_its_networks_and_the_way_in_stays_open() {
    let network = |text: &str| vec![text.parse().unwrap()];
    let shield = classed(AllowedNetworks {
        panel: network("192.0.2.0/24"),
        sign_in: network("192.0.2.128/25"),
        administration: network("192.0.2.7"),
        nodes: network("203.0.113.0/24"),
    });
    let barred = Some("network-not-allowed");
    for (path, near, far) in [
        ("/", None, barred),
        ("/login", barred, barred),
        ("/admin", None, barred),
        ("/join", barred, None),
        ("/style", None, None),
        ("/health", None, None),
        ("/setup", None, None),
    ] {
        assert_eq!(ask(&shield, path, from("192.0.2.7:1"), &[]), near, "{path}");
        assert_eq!(ask(&shield, path, from("203.0.113.9:1"), &[]), far, "{path}");
        assert_eq!(ask(&shield, path, from(LOCAL), &[]), None, "{path}");
    }
}

#[test]
fn touching_a_decoy_is_told_once_and_looks_like_nothing() {
    let (shield, _clock) = shield(Config::default());
    let mut events = shield.events();
    for _ in 0..3 {
        assert_eq!(
            ask(&shield, "/wp-login.php?x=1", from("198.51.100.7:1"), &[]),
            None
        );
    }
    let told = events.try_recv().unwrap();
    assert!(
        matches!(&told, ShieldEvent::Decoy { client, path, .. }
            if client.to_string() == "198.51.100.7" && path == "/wp-login.php"),
        "{told:?}"
    );
    assert!(events.try_recv().is_err(), "once a minute");
}

/// What is told of a decoy, and of input that looks like an attack: whose doing they are.
fn own_doings(peer: Peer, headers: &[(&str, &str)]) -> Vec<bool> {
    let config = Config {
        trusted_proxies: vec!["10.0.0.0/24".parse().unwrap()],
        ..Config::default()
    };
    let (shield, _clock) = shield(config);
    let mut events = shield.events();
    ask(&shield, "/.env", peer, headers);
    ask(&shield, "/seen?q=1%27+or+%271%27%3D%271", peer, headers);
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event {
            ShieldEvent::Decoy { is_own_doing, .. } => told.push(is_own_doing),
            ShieldEvent::Spotted(event) => told.push(event.is_own_doing),
            _ => {}
        }
    }
    told
}

#[test]
fn what_a_page_may_have_made_a_browser_ask_for_is_told_and_tells_on_nobody() {
    const FROM: &str = "198.51.100.7:1";
    let site = |name| [("sec-fetch-site", name)];
    assert_eq!(own_doings(from(FROM), &[]), [true, true]);
    for (name, is_own) in [
        ("none", true),
        ("same-origin", true),
        ("same-site", false),
        ("cross-site", false),
    ] {
        assert_eq!(own_doings(from(FROM), &site(name)), [is_own, is_own], "{name}");
    }
    // In the clear a browser does not say, and what comes after the decoys is not reached.
    let clear = Peer::plain_to_tls(FROM.parse().unwrap());
    assert_eq!(own_doings(clear, &[]), [false]);
    let plain = Peer::plain(FROM.parse().unwrap());
    assert_eq!(own_doings(plain, &[]), [false, false]);
    // Through a proxy it counts how the client reached that.
    let proxy = Peer::plain_to_tls(PROXY.parse().unwrap());
    let over = |protocol| {
        [
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", protocol),
        ]
    };
    assert_eq!(own_doings(proxy, &over("https")), [true, true]);
    assert_eq!(own_doings(proxy, &over("http")), [false]);
    assert_eq!(own_doings(from(PROXY), &over("http")), [false]);
}

#[test]
fn a_page_cannot_use_up_the_minute_in_which_more_of_the_same_is_not_told() {
    let (shield, _clock) = shield(Config::default());
    let client = from("198.51.100.7:1");
    ask(&shield, "/.env", client, &[("sec-fetch-site", "cross-site")]);
    let mut events = shield.events();
    ask(&shield, "/.env", client, &[]);
    let told = events.try_recv();
    assert!(
        matches!(
            told,
            Ok(ShieldEvent::Decoy {
                is_own_doing: true,
                ..
            })
        ),
        "{told:?}"
    );
}

#[test]
fn no_flood_hides_what_leads_to_bans() {
    let (shield, _clock) = shield(Config::default());
    let elsewhere = [("host", "elsewhere.example")];
    for network in 0..10_000 {
        ask(
            &shield,
            "/",
            from(&format!("[2001:db8:a:{network:x}::1]:1")),
            &elsewhere,
        );
    }
    let mut events = shield.events();
    let touch = |address: &str| ask(&shield, "/.env", from(&format!("[{address}]:1")), &[]);
    let mut next = || match events.try_recv() {
        Ok(ShieldEvent::Decoy { client, among, .. }) => {
            Some((client.to_string(), among.map(|network| network.to_string())))
        }
        _ => None,
    };
    touch("2001:db8:b:1::1");
    assert_eq!(next(), Some(("2001:db8:b:1::".to_owned(), None)));
    // Nor does one of evidence: it is then told by networks.
    for network in 0..1_000 {
        for customer in 0..5 {
            touch(&format!("2001:db8:{:x}:{customer}::1", 0x1000 + network));
            let _told = next();
        }
    }
    let site = Some("2001:db8:c::/48".to_owned());
    touch("2001:db8:c:1::1");
    assert_eq!(next(), Some(("2001:db8:c::".to_owned(), site)));
    touch("2001:db8:c:2::1");
    assert_eq!(next(), None, "it is counted");
}

/// A header of the PROXY protocol, version 2, that names 198.51.100.7 as the source.
const PROXY_HEADER: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\x0a\x00\x00\x01\x12\x67\x1d\x13";
const SEEN: &[u8] = b"GET /seen HTTP/1.1\r\nhost: panel.example\r\nconnection: close\r\n\r\n";

fn behind_balancer(trusted: &str) -> Config {
    Config {
        proxy_protocol: true,
        trusted_proxies: vec![trusted.parse().unwrap()],
        ..Config::default()
    }
}

#[tokio::test]
async fn a_balancer_names_whose_bytes_it_passes_on() {
    let room = Room::open_plain(behind_balancer("127.0.0.1")).await;
    ban(&room.shield, &[("198.51.100.8", BanKind::Attack)]);
    let answer = say(room.tcp().await, [PROXY_HEADER, SEEN].concat()).await;
    assert!(answer.contains("\"client\":\"198.51.100.7\""), "{answer}");
    // Whom it names is no proxy, so what that one says of others is not believed.
    let forged =
        String::from_utf8_lossy(SEEN).replace("\r\n\r\n", "\r\nx-forwarded-for: 203.0.113.9\r\n\r\n");
    let answer = say(room.tcp().await, [PROXY_HEADER, forged.as_bytes()].concat()).await;
    assert!(answer.contains("\"client\":\"198.51.100.7\""), "{answer}");
    ban(&room.shield, &[("198.51.100.7", BanKind::Attack)]);
    let answer = say(room.tcp().await, [PROXY_HEADER, SEEN].concat()).await;
    assert_eq!(status(&answer), 403, "{answer}");
    assert_eq!(
        say(room.tcp().await, SEEN).await,
        "",
        "a trusted proxy that does not say whose bytes they are"
    );
}

#[tokio::test]
async fn nobody_else_is_believed_to_be_a_balancer() {
    let room = Room::open_plain(behind_balancer("10.0.0.1")).await;
    let answer = say(room.tcp().await, [PROXY_HEADER, SEEN].concat()).await;
    assert!(!answer.contains("198.51.100.7"), "{answer}");
    let answer = say(room.tcp().await, SEEN).await;
    assert!(answer.contains("\"client\":\"127.0.0.1\""), "{answer}");
}
