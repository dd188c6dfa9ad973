//! The section `identity.jwt`: the tokens of programs that sign in by name and password.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};

use super::Config;
use crate::access;

/// The tokens of programs that sign in by name and password (RFC 7519, HS256).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtRules {
    /// Seconds for which an access token holds. Default 900 (15 minutes), at most 3600.
    pub access_s: u32,
    /// Seconds after the sign-in for which refresh tokens hold. Default 2592000 (30 days), at most 7776000 (90 days).
    pub refresh_s: u32,
    /// A file of mode 0600 with the key that signs access tokens: a text by chance of at least 32 bytes, the same on each
    /// Host. Default none: the key comes from the key ring, and `watchroom key rotate` changes it.
    pub key_file: Option<PathBuf>,
    /// A file with the key that signed before; what it signed still holds. Default none.
    pub previous_key_file: Option<PathBuf>,
}

impl Default for JwtRules {
    fn default() -> Self {
        Self {
            access_s: 900,
            refresh_s: 30 * 24 * 3_600,
            key_file: None,
            previous_key_file: None,
        }
    }
}

impl JwtRules {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut wants = |holds: bool, key: &str, rule: &str| {
            if !holds {
                problems.add(format!("{}.jwt.{key}", Config::NAME), rule);
            }
        };
        wants(
            (60..=3_600).contains(&self.access_s),
            "access_s",
            "must be 60 to 3600 (an hour)",
        );
        wants(
            (3_600..=7_776_000).contains(&self.refresh_s),
            "refresh_s",
            "must be 3600 (an hour) to 7776000 (90 days)",
        );
        wants(
            self.previous_key_file.is_none() || self.key_file.is_some(),
            "previous_key_file",
            "needs identity.jwt.key_file beside it",
        );
        let files = [
            ("key_file", &self.key_file),
            ("previous_key_file", &self.previous_key_file),
        ];
        for (key, file) in files {
            if let Some(Err(why)) = file.as_deref().map(access::read_key) {
                wants(false, key, &why);
            }
        }
    }
}
