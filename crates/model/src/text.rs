//! Text of several lines that people write: remarks, notes, descriptions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use crate::NameError;
use crate::names::is_bidirectional_override;

/// A text of at most `MAX` characters, in Unicode's NFC.
///
/// Control characters other than tab and newline are removed, since nobody types them and terminals obey them. What
/// turns the direction of writing is refused, since it makes a text read otherwise than it is. A text that is too
/// long is refused, never cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text inside.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing but white space is in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.chars().any(is_bidirectional_override) {
            return Err(NameError {
                code: "characters",
                rule: "a text has no characters that turn the direction of writing",
            });
        }
        let is_kept = |c: &char| !c.is_control() || matches!(c, '\t' | '\n');
        // Counted as it goes, so that a text without end costs no more than one that is just too long.
        let normal: String = text.chars().filter(is_kept).nfc().take(MAX + 1).collect();
        if normal.chars().nth(MAX).is_some() {
            return Err(NameError {
                code: "too_long",
                rule: "the text is longer than this field takes",
            });
        }
        Ok(Self(normal))
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;

    type Remark = Text<40>;

    #[test]
    fn a_remark_keeps_its_lines_and_loses_what_a_terminal_would_obey() {
        let remark: Remark = "one\r\n\ttwo\u{1b}[2J\0".parse().unwrap();
        assert_eq!(remark.as_str(), "one\n\ttwo[2J");
        let composed: Remark = "e\u{7}\u{301}".parse().unwrap();
        assert_eq!(composed.as_str(), "\u{e9}");
    }

    #[test]
    fn too_long_is_refused_and_never_cut() {
        let code = |text: &str| text.parse::<Remark>().map_err(|error| error.code);
        assert_eq!(code(&"x".repeat(41)), Err("too_long"));
        assert!(code(&"x".repeat(40)).is_ok());
        // What is removed does not count, and a letter of two code points counts once.
        assert!(code(&format!("{}\0\0", "x".repeat(40))).is_ok());
        assert!(code(&"e\u{301}".repeat(40)).is_ok());
        assert_eq!(code("a\u{202e}b"), Err("characters"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_clean_and_stays_as_it_is(text in any::<String>()) {
            match text.parse::<Remark>() {
                Ok(remark) => {
                    prop_assert!(remark.as_str().chars().count() <= 40);
                    prop_assert!(is_nfc(remark.as_str()));
                    prop_assert!(remark.as_str().chars().all(|c| !c.is_control() || c == '\t' || c == '\n'));
                    prop_assert!(!remark.as_str().chars().any(is_bidirectional_override));
                    prop_assert_eq!(remark.as_str().parse::<Remark>(), Ok(remark.clone()));
                    let json = serde_json::to_string(&remark).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Remark>(&json).unwrap(), remark);
                }
                Err(error) => {
                    let is_turned = text.chars().any(is_bidirectional_override);
                    let is_long = text.nfc().count() > 40;
                    let is_rightly = if error.code == "too_long" { is_long } else { is_turned };
                    prop_assert!(is_rightly);
                }
            }
        }
    }
}
