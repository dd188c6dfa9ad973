//! How strong a password is, by the rules that a new one must keep: what a form shows while it is typed.

use serde::Serialize;
use watchroom_kit::SecretString;

use crate::Identity;

/// What is to be said of a password that is being typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Strength {
    /// How hard it is to guess, 0 to 4.
    pub score: u8,
    /// The rules that it breaks, in words; none if it will do.
    pub broken: Vec<String>,
}

impl Identity {
    /// How strong a password is, for somebody of that name. It is kept nowhere.
    #[must_use]
    pub fn strength(&self, password: &SecretString, name: &str) -> Strength {
        let rules = &self.inner.config.password;
        let names: &[&str] = if name.is_empty() { &[] } else { &[name] };
        let faults = rules.faults("password", password, names);
        Strength {
            score: rules.score(password, names),
            broken: faults.into_iter().map(|fault| fault.message).collect(),
        }
    }
}
