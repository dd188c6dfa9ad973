use http::{HeaderMap, HeaderName};
use proptest::prelude::*;

use super::*;

/// Text as bytes, so that a line can have those which are no text by themselves.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(char).unwrap()).collect()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_bytes(&latin1(value)).unwrap(),
        );
    }
    map
}

fn found(peer: &str, lines: &[(&str, &str)]) -> String {
    let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::1".parse().unwrap()];
    let peer = SocketAddr::new(peer.parse().unwrap(), 4_711);
    let map = headers(lines);
    let client = resolve(peer, &Heads::of(&map), &trusted);
    let privilege = if client.is_loopback { " loopback" } else { "" };
    let warning = if client.is_undeclared_proxy {
        " undeclared-proxy"
    } else {
        ""
    };
    let hint = if client.may_be_proxy { " may-be-proxy" } else { "" };
    let doubt = if client.is_contradicted {
        " contradicted"
    } else {
        ""
    };
    format!("{}{privilege}{warning}{hint}{doubt}", client.address)
}

/// Peer, header lines, and who it is.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const XFF: &str = "x-forwarded-for";
const CASES: &[Case] = &[
    // Nobody vouches: the peer, whatever it claims.
    ("198.51.100.7", &[], "198.51.100.7"),
    ("198.51.100.7", &[(XFF, "1.1.1.1")], "198.51.100.7"),
    (
        "198.51.100.7",
        &[("forwarded", "for=1.1.1.1;proto=https")],
        "198.51.100.7",
    ),
    ("::ffff:198.51.100.7", &[], "198.51.100.7"),
    // A trusted proxy: the right-most that is not ours.
    ("10.0.0.1", &[(XFF, "1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "6.6.6.6, 1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "6.6.6.6, 1.1.1.1, 10.2.3.4")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "6.6.6.6"), (XFF, "1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "::ffff:1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "1.1.1.1:5000")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "[2001:db8::7]:443")], "2001:db8::7"),
    ("fd00::1", &[(XFF, "2001:db8::7")], "2001:db8::7"),
    (
        "10.0.0.1",
        &[("forwarded", "for=6.6.6.6, For=\"[2001:db8::7]:80\";proto=https")],
        "2001:db8::7",
    ),
    (
        "10.0.0.1",
        &[("forwarded", "for=1.1.1.1, for=10.9.9.9")],
        "1.1.1.1",
    ),
    // All hops ours: the outermost of them.
    ("10.0.0.1", &[(XFF, "10.0.0.5, 10.0.0.4")], "10.0.0.5"),
    // Of whom the proxy says nothing that helps is nowhere, and not where the proxy is.
    ("10.0.0.1", &[(XFF, "1.1.1.1, unknown")], "0.0.0.0"),
    ("10.0.0.1", &[(XFF, "1.1.1.1, unknown, 10.0.0.9")], "0.0.0.0"),
    ("10.0.0.1", &[(XFF, "")], "0.0.0.0"),
    ("10.0.0.1", &[("forwarded", "proto=https")], "0.0.0.0"),
    ("10.0.0.1", &[], "10.0.0.1"),
    // What anybody wrote left of it says nothing against the proxy's own word, whatever bytes it has.
    ("10.0.0.1", &[(XFF, "\u{80}\u{ff}, 1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "\u{80}"), (XFF, "1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[("forwarded", "for=\u{80}, for=1.1.1.1")], "1.1.1.1"),
    ("10.0.0.1", &[(XFF, "\u{80}")], "0.0.0.0"),
    ("10.0.0.1", &[(XFF, "fe80::1%eth0")], "fe80::1"),
    ("10.0.0.1", &[(XFF, "[fe80::1%eth0]:80")], "fe80::1"),
    // Two headers that disagree: one of them is the client's own invention.
    (
        "10.0.0.1",
        &[(XFF, "6.6.6.6"), ("forwarded", "for=1.1.1.1")],
        "10.0.0.1 contradicted",
    ),
    (
        "10.0.0.1",
        &[(XFF, "6.6.6.6"), ("forwarded", "for=unknown")],
        "10.0.0.1 contradicted",
    ),
    (
        "198.51.100.7",
        &[(XFF, "6.6.6.6"), ("forwarded", "for=1.1.1.1")],
        "198.51.100.7",
    ),
    (
        "10.0.0.1",
        &[(XFF, "1.1.1.1"), ("forwarded", "for=1.1.1.1")],
        "1.1.1.1",
    ),
    // Next door, what forwards is told of; it gains and loses nothing.
    ("192.168.1.9", &[(XFF, "1.1.1.1")], "192.168.1.9 may-be-proxy"),
    (
        "172.18.0.3",
        &[("x-real-ip", "10.0.0.1")],
        "172.18.0.3 may-be-proxy",
    ),
    ("fd12::7", &[("forwarded", "for=1.1.1.1")], "fd12::7 may-be-proxy"),
    ("192.168.1.9", &[], "192.168.1.9"),
    // Loopback's privileges are for those who are really here.
    ("127.0.0.1", &[], "127.0.0.1 loopback"),
    ("::1", &[], "::1 loopback"),
    ("10.0.0.1", &[(XFF, "127.0.0.1")], "127.0.0.1"),
];

#[test]
fn the_table_of_who_is_asking() {
    for (peer, lines, expected) in CASES {
        assert_eq!(found(peer, lines), *expected, "{peer} {lines:?}");
    }
}

#[test]
fn whom_an_undeclared_proxy_passes_on_is_nowhere() {
    for header in [
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 attic"),
        ("x-real-ip", "127.0.0.1"),
        ("true-client-ip", "1.1.1.1"),
        ("cf-connecting-ip", "1.1.1.1"),
    ] {
        for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(found(local, &[header]), "0.0.0.0 undeclared-proxy", "{header:?}");
        }
        if header.0 != "x-forwarded-for" && header.0 != "forwarded" {
            assert_eq!(found("10.0.0.1", &[header]), "10.0.0.1", "{header:?}");
        }
        assert_eq!(found("198.51.100.7", &[header]), "198.51.100.7", "{header:?}");
    }
}

proptest! {
    #[test]
    fn nothing_a_stranger_writes_changes_who_they_are(lines in proptest::collection::vec(("(x-forwarded-for|forwarded|x-forwarded-host)", "[ -~\u{80}-\u{ff}]{0,60}"), 0..5)) {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        prop_assert_eq!(found("198.51.100.7", &lines), "198.51.100.7");
    }

    #[test]
    fn what_a_client_writes_left_of_the_proxys_own_word_changes_nothing(claim in "[ -~\u{80}-\u{ff}]{0,60}", one_line in any::<bool>()) {
        let joined = format!("{claim}, 1.1.1.1");
        let lines = if one_line {
            vec![("x-forwarded-for", joined.as_str())]
        } else {
            vec![("x-forwarded-for", claim.as_str()), ("x-forwarded-for", "1.1.1.1")]
        };
        prop_assert_eq!(found("10.0.0.1", &lines), "1.1.1.1");
    }

    #[test]
    fn any_text_from_a_proxy_is_read_without_harm(line in "[ -~\u{80}-\u{ff}]{0,80}", standard in any::<bool>()) {
        let name = if standard { "forwarded" } else { "x-forwarded-for" };
        let map = headers(&[(name, &line)]);
        let peer = SocketAddr::from(([10, 0, 0, 1], 1));
        let heads = Heads::of(&map);
        resolve(peer, &heads, &["10.0.0.0/8".parse().unwrap()]);
        said(heads.forwarded_proto, heads.forwarded, "proto");
    }
}
