//! People whom somebody else vouches for: a directory or a provider of sign-ins.
//!
//! Whoever speaks with those ends with an [`Outsider`]; what becomes of one is the same for all of them. They are tied to
//! an account, by what never changes of them there, and come in as after a password: with half a session where a second
//! factor is needed. Somebody whom nobody knows here gets an account where the configuration says so, or may tie one
//! that they prove to have. What the provider says of their roles is followed anew each time.

mod create;
mod directories;
mod enter;
mod error;
mod failures;
mod providers;
mod rules;
mod tie;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::SecretString;
use watchroom_model::{EmailAddress, OutsideId};

pub use directories::{Directory, DirectoryAway, DirectoryError};
pub(crate) use enter::Vouched;
pub use error::{OutsideError, TieError};
pub(crate) use failures::Failures;
pub(crate) use providers::Taken;
pub use providers::{CameBack, Journey, ProviderFault, Providers, SettingOut, Way};
pub use rules::{Admission, Claims, RoleRule, RuleError};
pub(crate) use rules::{Gift, Given};

use crate::sessions::{Session, SignedIn};

/// A way in from outside and the provider's name here: `oidc:example`, `ldap:corp`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provider(String);

impl Provider {
    /// A provider that speaks OpenID Connect or OAuth2.
    #[must_use]
    pub fn oidc(name: &str) -> Self {
        Self(format!("oidc:{name}"))
    }

    /// A directory.
    #[must_use]
    pub fn ldap(name: &str) -> Self {
        Self(format!("ldap:{name}"))
    }

    /// Whether a provider may have this name: 1 to 32 of a-z, 0-9 and inner hyphens.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=32).contains(&text.len())
            && text.bytes().all(is_fine)
            && !text.starts_with('-')
            && !text.ends_with('-')
    }

    /// The text, as sessions and the audit log have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider is oidc: or ldap: and its name")]
pub struct ProviderError;

impl FromStr for Provider {
    type Err = ProviderError;

    fn from_str(text: &str) -> Result<Self, ProviderError> {
        let (way, name) = text.split_once(':').ok_or(ProviderError)?;
        let is_known = ["oidc", "ldap"].contains(&way) && Self::is_name(name);
        is_known.then(|| Self(text.to_owned())).ok_or(ProviderError)
    }
}

/// Somebody as a provider knows them, once it has said that it is them.
#[derive(Clone, Debug)]
pub struct Outsider {
    /// Who says so.
    pub provider: Provider,
    /// What the provider calls itself, wherever it is found: an issuer, a directory's base. If another one stands under
    /// the provider's name one day, its people are others.
    pub realm: String,
    /// What never changes of them there, and is never given to anybody else. Not an address, not a name.
    pub subject: String,
    /// What they sign in with there: what an account made for them is called, as near as may be.
    pub user_name: Option<String>,
    /// Their name as others see it.
    pub display_name: Option<String>,
    /// Their address, only if the provider has made sure that it is theirs.
    pub email: Option<EmailAddress>,
    /// When the provider last saw a proof of it, where it says so: it may vouch for whoever sits before a browser that it
    /// knows, and ask for nothing.
    pub proven_at: Option<OffsetDateTime>,
    /// What else the provider vouches for, for rules.
    pub claims: Claims,
}

impl Outsider {
    /// What they are called there, for people to read.
    pub(crate) fn label(&self) -> String {
        let email = self.email.as_ref().map(EmailAddress::as_str);
        let label = email.or(self.user_name.as_deref()).unwrap_or(&self.subject);
        let shown = label.chars().filter(|letter| !letter.is_control());
        shown.take(LONGEST_LABEL).collect()
    }
}

/// Most characters of a label.
const LONGEST_LABEL: usize = 254;

/// What came back from a provider and is taken once: who carries it, and until when it would be taken.
#[derive(Clone, Debug)]
pub struct Errand {
    /// What tells it from all others. Only its digest is kept.
    pub secret: SecretString,
    /// When it is over anyway.
    pub until: OffsetDateTime,
}

/// Somebody at the door, vouched for.
#[derive(Debug)]
pub struct FromOutside<'a> {
    /// Who.
    pub outsider: &'a Outsider,
    /// Who comes in by this provider.
    pub admission: &'a Admission,
    /// Whether the browser asks to be remembered.
    pub remember_me: bool,
    /// What the browser shows of earlier sign-ins ([`SignedIn::device`]).
    pub device: Option<&'a str>,
    /// The whole session that the browser has already: its person wants to tie the identity.
    pub held: Option<&'a Arc<Session>>,
    /// What must not come twice, where the proof could.
    pub errand: Option<Errand>,
    /// Whether they came by themselves: only then does it tell on whoever is at their address that they are not let in.
    pub is_own_doing: bool,
}

/// What becomes of them.
#[derive(Debug)]
pub enum Entered {
    /// They are signed in, wholly or half.
    In(Box<SignedIn>),
    /// They may tie the identity to an account, once they have proven that this is theirs.
    ToTie(TieOffer),
}

/// Leave to tie an identity to one account: the browser keeps it until its person has signed in there.
#[derive(Clone, Debug)]
pub struct TieOffer {
    /// The offer under signature. It opens nothing.
    pub text: String,
    /// What the identity is called at its provider.
    pub label: String,
    /// The provider.
    pub provider: Provider,
}

/// Who a person is elsewhere, as they see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutsideView {
    /// Its id.
    pub id: OutsideId,
    /// The provider, `oidc:<name>` or `ldap:<name>`.
    pub provider: String,
    /// What they are called there.
    pub label: String,
    /// When it was tied.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When they last signed in by it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_a_way_in_and_a_name() {
        for right in ["oidc:example", "ldap:corp-1"] {
            assert_eq!(right.parse::<Provider>().unwrap().as_str(), right);
        }
        for wrong in [
            "example",
            "saml:example",
            "oidc:",
            "oidc:-a",
            "oidc:A",
            "oidc:a/b",
            "oidc:a:b",
        ] {
            assert_eq!(wrong.parse::<Provider>(), Err(ProviderError), "{wrong}");
        }
    }
}
