//! The section `security`: which set of defaults the other sections start from.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchroom_kit::config::{Problems, Section};

/// A named set of defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The documented defaults.
    #[default]
    Standard,
    /// OWASP ASVS 5.0 level 2 where it differs from the standard.
    Asvs,
}

impl Profile {
    /// What is usual under this profile where nobody says otherwise, if it is not the default.
    pub(super) fn usual(self) -> &'static [Rule] {
        match self {
            Self::Standard => &[],
            Self::Asvs => ASVS,
        }
    }
}

/// A value that a profile sets, and what else it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The key.
    pub(super) key: &'static str,
    /// What it is where nobody says otherwise.
    pub(super) usual: Usual,
    /// What is as good.
    pub(super) bound: Bound,
    /// The requirement that wants it.
    pub(super) asked_by: &'static str,
}

/// A value that a profile sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Usual {
    /// A switch.
    #[cfg(feature = "host")]
    Is(bool),
    /// A word.
    Word(&'static str),
    /// A list of one word.
    #[cfg(feature = "host")]
    Only(&'static str),
    /// A number.
    #[cfg(feature = "host")]
    Number(u32),
}

impl From<Usual> for Value {
    fn from(usual: Usual) -> Self {
        match usual {
            #[cfg(feature = "host")]
            Usual::Is(is_so) => Self::Bool(is_so),
            Usual::Word(word) => Self::from(word),
            #[cfg(feature = "host")]
            Usual::Only(word) => Self::from(vec![word]),
            #[cfg(feature = "host")]
            Usual::Number(number) => Self::from(number),
        }
    }
}

/// Which other values a profile takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Any: it is a matter of taste.
    #[cfg(feature = "host")]
    Any,
    /// None.
    None,
    /// Smaller ones.
    #[cfg(feature = "host")]
    Smaller,
}

impl Rule {
    /// What is wrong with this value under the profile, if it is weaker than that takes.
    pub(super) fn refuses(&self, value: &Value) -> Option<String> {
        let usual = Value::from(self.usual);
        let (is_fine, most) = match self.bound {
            #[cfg(feature = "host")]
            Bound::Any => (true, ""),
            Bound::None => (*value == usual, ""),
            #[cfg(feature = "host")]
            Bound::Smaller => {
                let both = value.as_u64().zip(usual.as_u64());
                (both.is_some_and(|(said, most)| said <= most), "at most ")
            }
        };
        let asked_by = self.asked_by;
        (!is_fine).then(|| format!("is weaker than the profile asvs takes ({asked_by}): {most}{usual}"))
    }
}

const fn rule(key: &'static str, usual: Usual, bound: Bound, asked_by: &'static str) -> Rule {
    Rule {
        key,
        usual,
        bound,
        asked_by,
    }
}

/// The profile `asvs`; docs/security/profile.md says the same.
const ASVS: &[Rule] = &[
    // Length and what is known to be guessed decide, not the mixture of characters.
    #[cfg(feature = "host")]
    rule("identity.password.mixed", Usual::Is(false), Bound::Any, "6.2.5"),
    #[cfg(feature = "host")]
    rule(
        "identity.second_factors.required_roles",
        Usual::Only("*"),
        Bound::None,
        "6.3.3",
    ),
    #[cfg(feature = "host")]
    rule(
        "identity.second_factors.skew_steps",
        Usual::Number(0),
        Bound::Smaller,
        "6.5.5",
    ),
    #[cfg(feature = "host")]
    rule(
        "identity.magic_links.minutes",
        Usual::Number(10),
        Bound::Smaller,
        "6.5.5",
    ),
    #[cfg(feature = "host")]
    rule(
        "identity.session.idle_s",
        Usual::Number(1_800),
        Bound::Smaller,
        "7.3.1",
    ),
    #[cfg(feature = "host")]
    rule(
        "identity.session.longest_s",
        Usual::Number(43_200),
        Bound::Smaller,
        "7.3.2",
    ),
    // A remembered browser has no limit without an act, so it gets no longer than others in all.
    #[cfg(feature = "host")]
    rule(
        "identity.session.remembered_s",
        Usual::Number(43_200),
        Bound::Smaller,
        "7.3.2",
    ),
    #[cfg(feature = "host")]
    rule(
        "identity.jwt.refresh_s",
        Usual::Number(43_200),
        Bound::Smaller,
        "7.3.2",
    ),
    // RSA of 2048 bits has less than 128 bits of strength.
    rule("tls.key", Usual::Word("ecdsa-p256"), Bound::None, "11.2.3"),
    #[cfg(feature = "host")]
    rule("shield.base_uri", Usual::Word("none"), Bound::None, "3.4.3"),
];

/// Choices that span several parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecuritySection {
    /// `standard` or `asvs`. Default `standard`.
    pub profile: Profile,
}

impl Section for SecuritySection {
    const NAME: &'static str = "security";

    fn check(&self, _problems: &mut Problems) {}
}
