//! What a configuration section is: defaults for one machine, a name, and a check that reports all it finds.
//!
//! A section lives with the code it configures. The binary gathers the sections into one tree, reads
//! files, environment and flags into it, and prints every [`Problem`] with its file and line at once.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, dotted from the root (`shield.trusted_proxies`).
    pub key: String,
    /// What is wrong and what is allowed, as a clause.
    pub message: String,
}

/// Gathers problems, so that all are reported together.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes that `key` is wrong.
    pub fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            key: key.into(),
            message: message.into(),
        });
    }

    /// What was found.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// A section of the configuration. Derive `Deserialize` with `#[serde(default, deny_unknown_fields)]`;
/// `Default` holds what is right for one machine; each field's doc comment states unit and default.
pub trait Section: Default + Serialize + DeserializeOwned {
    /// The section's place in the tree (`shield`, `security.tls`).
    const NAME: &'static str;

    /// Reports every value that parses but cannot be right, under keys that start with [`Section::NAME`].
    fn check(&self, problems: &mut Problems);
}
