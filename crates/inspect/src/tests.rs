//! Properties of the whole: it never fails, it ends, it does work in proportion, and spelling does not matter.

use proptest::prelude::*;

use super::*;

/// One clear attack of each family, and some that are not clear.
const ATTACKS: &[&str] = &[
    "1' or '1'='1",
    "1 union select null,version()",
    "'; drop table users --",
    "admin'--",
    "1 and sleep(5)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"onfocus=alert(1) autofocus x=\"",
    "javascript:alert(document.cookie)",
    "../../etc/passwd",
    "..\\..\\boot.ini",
];

fn percent(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|byte| format!("%{byte:02x}").into_bytes())
        .collect()
}

fn entities(text: &[u8]) -> Vec<u8> {
    text.iter()
        .flat_map(|byte| format!("&#{byte};").into_bytes())
        .collect()
}

fn class(text: &[u8]) -> Option<Class> {
    inspect(text).map(|finding| finding.class())
}

#[test]
fn an_attack_is_the_same_attack_in_every_spelling() {
    for attack in ATTACKS {
        let plain = attack.as_bytes();
        let known = class(plain);
        assert!(known.is_some(), "{attack}");
        let mut spelled = plain.to_vec();
        for layer in 1..=3 {
            spelled = percent(&spelled);
            assert_eq!(
                class(&spelled),
                known,
                "{attack} behind {layer} layers of per cent signs"
            );
        }
        assert_eq!(class(&entities(plain)), known, "{attack} in character references");
        assert_eq!(class(&percent(&entities(plain))), known, "{attack} in both");
        assert_eq!(
            class(attack.to_uppercase().as_bytes()),
            known,
            "{attack} in capitals"
        );
    }
}

#[test]
fn plain_text_costs_one_look_at_each_byte() {
    for text in [
        "K1ABC",
        "Grace Hopper",
        "rack 4, row 2",
        "2026-11-21",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "node-7.example.net",
    ] {
        assert_eq!(
            inspect_counting(text.as_bytes()),
            (None, length(text.as_bytes())),
            "{text}"
        );
    }
}

/// Texts that make a careless reader start over at each byte.
const REPEATED: &[&str] = &[
    "'",
    "\"",
    "`",
    "(",
    ")",
    "<",
    "<!--",
    "<a ",
    "/*",
    "*/",
    "--",
    "#",
    "#1",
    "\\",
    "%",
    "%25",
    "&",
    "&#",
    "&amp;",
    "../",
    "....//",
    "select ",
    "union select ",
    "' or ",
    "or 1=",
    "case when ",
    "on",
    "onx",
    "on=",
    "javascript",
    "javascript:",
    "data:",
    "data:;base64",
    ":",
    "@",
    "$",
    "$$",
    "$a$",
    "[",
    "0x",
    "a.",
    "''",
    "'a",
    "\u{ff1c}",
    "\u{2026}",
    "expression(",
    "\\0",
    "+",
    "<%",
    "<?",
    "<script",
    "x(",
    "alert(",
    "a=alert,",
    "top.",
    "top.alert",
    "'+'",
    "[](",
    "a<x>b",
    "%S%E%L",
    "..././",
    "..%bg%qf",
    "(\"../x\")",
    "/*?",
    "1--a\n",
    "{d 1}",
    "a.b=a.b ",
];

#[test]
fn work_grows_in_proportion_to_the_text() {
    for unit in REPEATED {
        let work = |bytes: usize| {
            let text = unit.repeat(bytes.div_ceil(unit.len()));
            inspect_counting(text.as_bytes()).1 * 1000 / length(text.as_bytes())
        };
        let (short, long) = (work(1024), work(64 * 1024));
        assert!(
            long <= 2 * short + 2000,
            "{unit:?}: {short} per 1,000 bytes of 1 KiB, {long} of 64 KiB"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _verdict = inspect(&text);
    }

    #[test]
    fn no_mixture_of_what_attacks_are_made_of_costs_much(
        parts in proptest::collection::vec(proptest::sample::select(REPEATED), 0..200)
    ) {
        let text = parts.concat();
        let (_, work) = inspect_counting(text.as_bytes());
        // Nine views, each read in three ways and in four places.
        prop_assert!(work <= 300 * length(text.as_bytes()) + 1000, "{work} for {} bytes", text.len());
    }

    #[test]
    fn words_and_numbers_are_never_attacks(text in "[A-Z][a-z]{1,9}( [A-Z]?[a-z]{1,9}){0,6}( [0-9]{1,4})?") {
        prop_assert_eq!(inspect(text.as_bytes()), None);
    }
}
