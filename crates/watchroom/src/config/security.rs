//! The section `security`: which set of defaults the other sections start from.

use serde::{Deserialize, Serialize};
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
    /// What is usual under this profile where nobody says otherwise, if it is not the default: keys and values.
    pub(super) fn usual(self) -> &'static [(&'static str, Usual)] {
        match self {
            Self::Standard => &[],
            Self::Asvs => ASVS,
        }
    }
}

/// A value that a profile sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Usual {
    /// A switch.
    #[cfg(feature = "host")]
    Is(bool),
    /// A word.
    Word(&'static str),
}

/// Each with the requirement that wants it.
const ASVS: &[(&str, Usual)] = &[
    // 6.2.5: length and what is known to be guessed decide, not the mixture of characters.
    #[cfg(feature = "host")]
    ("identity.password.mixed", Usual::Is(false)),
    // 11.2.3: RSA of 2048 bits has less than 128 bits of strength.
    ("tls.key", Usual::Word("ecdsa-p256")),
    // 3.4.3.
    #[cfg(feature = "host")]
    ("shield.base_uri", Usual::Word("none")),
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
