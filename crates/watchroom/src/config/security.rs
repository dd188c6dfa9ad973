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
