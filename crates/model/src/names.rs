//! Names that cannot be wrong: each type holds only what its rule allows, and too long is refused, never cut.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

/// Why a text is not such a name. The message says what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct NameError {
    /// A word for programs: `too_short`, `too_long` or `characters`.
    pub code: &'static str,
    /// The rule, as a sentence for people.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $lengths:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            /// The rule, as a sentence for people.
            pub const RULE: &'static str = $rule;

            /// The text inside.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let lengths: std::ops::RangeInclusive<usize> = $lengths;
                let error = |code| NameError { code, rule: $rule };
                let of_length = |text: &str| match text.chars().count() {
                    count if count < *lengths.start() => Err(error("too_short")),
                    count if count > *lengths.end() => Err(error("too_long")),
                    _ => Ok(()),
                };
                of_length(text)?;
                let check: fn(&str) -> Option<String> = $check;
                let normal = check(text).ok_or_else(|| error("characters"))?;
                // Unicode's normal form may be longer than what was typed.
                of_length(&normal)?;
                Ok(Self(normal))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// What a person signs in with. Compared without regard to case: see [`UserName::folded`].
    UserName, "a user name has 3 to 50 of the characters A-Z a-z 0-9 _ . -", 3..=50,
    |text| only(text, |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
name! {
    /// A server's name, unique on its node.
    ServerName, "a server name has 1 to 64 of the characters A-Z a-z 0-9 _ -", 1..=64,
    |text| only(text, |c| c.is_ascii_alphanumeric() || "_-".contains(c))
}
name! {
    /// A node's name, unique in the cluster.
    NodeName, "a node name has 1 to 63 of the characters A-Z a-z 0-9 _ . -", 1..=63,
    |text| only(text, |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
name! {
    /// What a token is called by its owner.
    TokenName, "a token name has 1 to 64 of the characters A-Z a-z 0-9 _ . -", 1..=64,
    |text| only(text, |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
name! {
    /// A snapshot's name, unique for its server.
    SnapshotName, "a snapshot name has 1 to 64 of the characters A-Z a-z 0-9 _ -", 1..=64,
    |text| only(text, |c| c.is_ascii_alphanumeric() || "_-".contains(c))
}
name! {
    /// The name of a pool of storage.
    PoolName, "a pool name has 1 to 32 of the characters A-Z a-z 0-9 _ -", 1..=32,
    |text| only(text, |c| c.is_ascii_alphanumeric() || "_-".contains(c))
}
name! {
    /// Why somebody did something, for those who read it later: one line, Unicode in NFC.
    Reason, "a reason has 1 to 500 characters on one line", 1..=500,
    one_line
}
name! {
    /// A host name (RFC 1123): labels of at most 63 letters, digits and inner hyphens, 253 in all.
    HostName, "a host name has labels of 1 to 63 letters, digits and inner hyphens, 253 characters in all", 1..=253,
    host_name
}
name! {
    /// A person's name as others see it: one line, Unicode in NFC.
    DisplayName, "a name has 1 to 100 characters without control characters", 1..=100,
    one_line
}
name! {
    /// An e-mail address of at most 254 characters (RFC 5321).
    EmailAddress, "an e-mail address has at most 254 characters, one @ and a host name after it", 3..=254,
    email
}
name! {
    /// Whom to tell of a weakness, as an address that a browser opens (RFC 9116, "Contact").
    SecurityContact, "a contact is an https or mailto address of at most 254 characters", 9..=254,
    contact
}
name! {
    /// A radio call sign.
    CallSign, "a call sign has 3 to 20 of the characters A-Z 0-9 /", 3..=20,
    |text| only(text, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '/')
}

impl UserName {
    /// The form by which two names are the same: lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Every user name is a display name too: what somebody is called who has given no other.
impl From<&UserName> for DisplayName {
    fn from(name: &UserName) -> Self {
        Self(name.0.clone())
    }
}

impl NodeName {
    /// What a machine is called that has no name of its own.
    #[must_use]
    pub fn fallback() -> Self {
        Self("node".to_owned())
    }
}

fn only(text: &str, allowed: fn(char) -> bool) -> Option<String> {
    text.chars().all(allowed).then(|| text.to_owned())
}

fn host_name(text: &str) -> Option<String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.split('.').all(is_label).then(|| text.to_ascii_lowercase())
}

fn one_line(text: &str) -> Option<String> {
    let normal: String = text.nfc().collect();
    let is_fine = |c: char| !c.is_control() && !is_bidirectional_override(c);
    (normal.chars().all(is_fine) && normal.trim() == normal).then_some(normal)
}

fn email(text: &str) -> Option<String> {
    let (local, host) = text.rsplit_once('@')?;
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let local_is_fine =
        (1..=64).contains(&local.len()) && local.bytes().all(is_local) && !local.contains("..");
    (local_is_fine && host_name(host).is_some()).then(|| text.to_owned())
}

fn contact(text: &str) -> Option<String> {
    let is_page = |rest: &str| {
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        host_name(host).is_some() && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let is_fine = match text.split_once(':') {
        Some(("https", rest)) => rest.strip_prefix("//").is_some_and(is_page),
        Some(("mailto", address)) => email(address).is_some(),
        _ => false,
    };
    is_fine.then(|| text.to_owned())
}

pub(crate) fn is_bidirectional_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
