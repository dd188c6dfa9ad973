//! Each type holds exactly what its rule says.

use proptest::prelude::*;
use unicode_normalization::is_nfc;

use super::*;

#[test]
fn names_compare_without_regard_to_case_where_people_sign_in() {
    let one: UserName = "Alice".parse().unwrap();
    let other: UserName = "aLICE".parse().unwrap();
    assert_eq!(one.folded(), other.folded());
}

#[test]
fn what_could_deceive_a_reader_is_refused() {
    assert!("Anna\u{202E}nimda".parse::<DisplayName>().is_err());
    assert!("on purpose\u{2067}".parse::<Reason>().is_err());
    assert!("Zoë O'Brien".parse::<DisplayName>().is_ok());
    assert!("a@b@example.org".parse::<EmailAddress>().is_err());
    assert!("-x.example".parse::<HostName>().is_err());
    for fine in [
        "mailto:crew@example.org",
        "https://example.org",
        "https://example.org/report?x=1#y",
    ] {
        assert!(fine.parse::<SecurityContact>().is_ok(), "{fine}");
    }
    for bad in [
        "crew@example.org",
        "mailto:crew",
        "http://example.org",
        "https://",
        "https://example.org/a b",
        "https://example.org/\nContact: mailto:eve@example.org",
        "javascript:alert(1)",
    ] {
        assert!(bad.parse::<SecurityContact>().is_err(), "{bad}");
    }
}

#[test]
fn the_table_of_lengths() {
    fn lengths<T: FromStr<Err = NameError>>(most: usize) -> [Option<&'static str>; 3] {
        [0, most, most + 1].map(|length| "A".repeat(length).parse::<T>().err().map(|error| error.code))
    }
    let bounded = [Some("too_short"), None, Some("too_long")];
    assert_eq!(lengths::<UserName>(50), bounded);
    assert_eq!(lengths::<ServerName>(64), bounded);
    assert_eq!(lengths::<SnapshotName>(64), bounded);
    assert_eq!(lengths::<PoolName>(32), bounded);
    assert_eq!(lengths::<NodeName>(63), bounded);
    assert_eq!(lengths::<TokenName>(64), bounded);
    assert_eq!(lengths::<DisplayName>(100), bounded);
    assert_eq!(lengths::<CallSign>(20), bounded);
    assert_eq!(lengths::<Reason>(500), bounded);
    assert!("AB".parse::<UserName>().is_err());
    assert!("AB".parse::<CallSign>().is_err());
}

/// Whether a text is one of these characters, in such a number.
fn is_of(text: &str, least: usize, most: usize, others: &str) -> bool {
    (least..=most).contains(&text.chars().count())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

/// Texts near the rule as well as far from it.
fn near() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9_.-]{0,70}", "\\PC{0,70}", any::<String>()]
}

fn accepts<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

proptest! {
    #[test]
    fn a_name_is_exactly_its_pattern(text in near()) {
        prop_assert_eq!(accepts::<ServerName>(&text), is_of(&text, 1, 64, "_-"));
        prop_assert_eq!(accepts::<SnapshotName>(&text), is_of(&text, 1, 64, "_-"));
        prop_assert_eq!(accepts::<PoolName>(&text), is_of(&text, 1, 32, "_-"));
        prop_assert_eq!(accepts::<UserName>(&text), is_of(&text, 3, 50, "_.-"));
        prop_assert_eq!(accepts::<NodeName>(&text), is_of(&text, 1, 63, "_.-"));
        prop_assert_eq!(accepts::<TokenName>(&text), is_of(&text, 1, 64, "_.-"));
    }

    #[test]
    fn a_call_sign_is_exactly_its_pattern(text in prop_oneof!["[A-Z0-9/]{0,24}", "[A-Za-z0-9/ ]{2,8}", "\\PC{0,24}"]) {
        let fits = (3..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'/');
        prop_assert_eq!(accepts::<CallSign>(&text), fits);
    }

    #[test]
    fn a_host_name_is_made_of_labels(labels in proptest::collection::vec("[A-Za-z0-9-]{0,66}", 1..6)) {
        let text = labels.join(".");
        let is_label = |label: &String| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        let fits = text.len() <= 253 && labels.iter().all(is_label);
        let name = text.parse::<HostName>();
        prop_assert_eq!(name.is_ok(), fits);
        if let Ok(name) = name {
            prop_assert_eq!(name.as_str(), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn whatever_is_accepted_as_an_address_for_mail_has_one_at_and_a_host(text in prop_oneof!["[a-z.!'+ @]{0,12}@[a-z0-9.-]{0,12}", any::<String>()]) {
        if let Ok(address) = text.parse::<EmailAddress>() {
            let (local, host) = address.as_str().split_once('@').unwrap();
            prop_assert!(address.as_str().len() <= 254 && local.len() <= 64 && !local.contains(char::is_whitespace));
            prop_assert!(accepts::<HostName>(host) && address.as_str().is_ascii());
            prop_assert_eq!(address.as_str(), text);
        }
    }

    #[test]
    fn an_accepted_line_is_clean_and_stays_as_it_is(text in prop_oneof!["\\PC{1,100}", any::<String>()]) {
        if let Ok(name) = text.parse::<DisplayName>() {
            prop_assert!(is_nfc(name.as_str()) && !name.as_str().chars().any(char::is_control));
            prop_assert!((1..=100).contains(&name.as_str().chars().count()));
            prop_assert_eq!(name.as_str().parse::<DisplayName>(), Ok(name));
        }
        if let Ok(reason) = text.parse::<Reason>() {
            prop_assert!(is_nfc(reason.as_str()) && !reason.as_str().chars().any(is_bidirectional_override));
            prop_assert_eq!(reason.as_str().parse::<Reason>(), Ok(reason));
        }
    }
}
