//! What the pages show: plain structs that templates are rendered from, and the components they share.
//!
//! Nothing here reads or writes; a page is a function of its struct, so that it can be shown to a test.

pub(crate) mod cluster_ca;
mod command;
mod field;
pub(crate) mod findings;
mod icon;
mod lamp;
mod moment;
mod shell;

pub(crate) mod ahead;
pub(crate) mod audit;
pub(crate) mod certificate;
pub(crate) mod create;
pub(crate) mod decoys;
pub(crate) mod deed;
pub(crate) mod device;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod fail2ban;
pub(crate) mod giving;
pub(crate) mod groups;
pub(crate) mod join;
pub(crate) mod links;
pub(crate) mod locks;
pub(crate) mod machine;
pub(crate) mod magic;
pub(crate) mod mail;
pub(crate) mod mfa;
pub(crate) mod nodes;
pub(crate) mod outside;
pub(crate) mod overview;
pub(crate) mod passkey;
pub(crate) mod people;
pub(crate) mod profile;
pub(crate) mod proof;
pub(crate) mod role;
pub(crate) mod roles;
pub(crate) mod security;
pub(crate) mod server;
pub(crate) mod servers;

pub(crate) use command::Command;
pub(crate) use field::{Choice, Faults, Field};
pub(crate) use icon::Icon;
pub(crate) use lamp::Lamp;
pub(crate) use moment::Moment;
pub(crate) use shell::{Flash, Person, Section, Sheet, Shell, Theme, Tone};

/// Bytes as people read them: `1.5 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut unit = "B";
    let mut tenths = count.saturating_mul(10);
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = next;
    }
    if tenths < 1000 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// A lower-case clause as a sentence.
pub(crate) fn sentence(clause: &str) -> String {
    let end = if clause.is_empty() || clause.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    capital(clause) + end
}

/// A clause that begins as a sentence does; a path or a number stays as it is.
fn capital(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(characters)
        .collect()
}

/// The class of a clause that machines wrote: shown as a sentence where its first letter is the first there is.
pub(crate) fn manner(clause: &str) -> &'static str {
    if clause.starts_with(char::is_alphabetic) {
        "says"
    } else {
        ""
    }
}

/// A query string of what is not empty, with its question mark; nothing for nothing.
pub(crate) fn query(given: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let set = given.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<_> = set
        .map(|(name, value)| format!("{}={}", encoded(name).replace("%5F", "_"), encoded(value)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_clause_becomes_a_sentence_and_a_path_stays_a_path() {
        assert_eq!(sentence("the node is away"), "The node is away.");
        assert_eq!(sentence(""), "");
        assert_eq!((manner("/usr/bin/true ended"), manner("ended")), ("", "says"));
    }

    #[test]
    fn bytes_are_shown_in_the_unit_that_fits() {
        let shown: Vec<_> = [0, 1023, 1536, 10 << 20, 1 << 40, u64::MAX]
            .into_iter()
            .map(bytes)
            .collect();
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.5 KiB", "10.0 MiB", "1.0 TiB", "1638 PiB"]
        );
    }
}
