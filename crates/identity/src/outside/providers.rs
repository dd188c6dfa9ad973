//! The port to those who vouch by sending a browser there and back, and the journey of that browser.
//!
//! A journey's state, nonce and verifier are made of a number that the browser keeps in a signed cookie, with a key that
//! is in no browser; so nothing is kept here until it comes back, and whoever comes back with another's answer is told.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use watchroom_kit::{Fault, FaultKind, SecretString, Site};
use watchroom_model::UserId;

use super::{Admission, Errand, Outsider, Provider};
use crate::csrf::same;
use crate::digest::Digest;
use crate::sessions::Session;
use crate::{Identity, stamp};

/// How long a browser may be away, in seconds: people look for their phones.
const AWAY_S: u32 = 600;
/// What journeys are signed for.
const PURPOSE: &str = "journey to a provider";

/// A way in that the sign-in page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The provider's name here, as in addresses.
    pub name: String,
    /// What people call it.
    pub title: String,
}

/// What binds one sign-in together, from the browser that leaves to the one that comes back.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Sent along, and must come back.
    pub state: String,
    /// Must stand in what the provider signs.
    pub nonce: String,
    /// Proves that whoever has the provider's code began the journey.
    pub verifier: SecretString,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// Where the person wants to go after that: to be checked as anything that a browser sends.
    pub next: String,
    /// The account that wants to tie an identity, if that is what the journey is for.
    pub ties: Option<UserId>,
    /// Whether whoever sat before the browser set out by themselves.
    pub is_own_doing: bool,
    until: i64,
}

/// How a browser sets out.
#[derive(Clone, Copy, Debug)]
pub struct SettingOut<'a> {
    /// Where the provider sends it back to.
    pub redirect_uri: &'a str,
    /// Where the person wants to go after that.
    pub next: &'a str,
    /// The whole session of a person who wants to tie an identity.
    pub held: Option<&'a Session>,
    /// Whether whoever sits before it sets out by themselves. Any page elsewhere can send its visitors' browsers on
    /// journeys that end badly; what comes of those is evidence against nobody.
    pub is_own_doing: bool,
}

impl Journey {
    /// What must not come twice.
    #[must_use]
    pub fn errand(&self) -> Errand {
        Errand {
            secret: self.state.clone().into(),
            until: stamp::at(self.until),
        }
    }

    /// How long the browser may be away.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        Duration::from_secs(u64::from(AWAY_S))
    }
}

/// What a browser brings back.
#[derive(Clone, Debug, Default)]
pub struct CameBack {
    /// The provider's code.
    pub code: Option<SecretString>,
    /// Who says so.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// Why a provider did not vouch.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ProviderFault {
    /// Whether it is away, and it may be tried again; otherwise it said no, or is not to be believed.
    pub is_away: bool,
    /// A word for the audit log.
    pub word: &'static str,
    /// What happened, for the log.
    pub cause: String,
}

impl Fault for ProviderFault {
    fn kind(&self) -> FaultKind {
        match self.is_away {
            true => FaultKind::Unavailable,
            false => FaultKind::Unauthenticated,
        }
    }

    fn slug(&self) -> &'static str {
        match self.is_away {
            true => "provider-away",
            false => "provider-refused",
        }
    }

    fn public(&self) -> String {
        match self.is_away {
            true => "the provider does not answer now; try again, or sign in another way",
            false => "the provider did not sign you in; begin again",
        }
        .to_owned()
    }

    fn retry_after_s(&self) -> Option<u64> {
        self.is_away.then_some(5)
    }
}

/// The providers to whom browsers are sent.
#[async_trait]
pub trait Providers: std::fmt::Debug + Send + Sync + 'static {
    /// Those there are, in the order in which they are offered.
    fn ways(&self) -> &[Way];

    /// Who comes in by this one; `None` if there is none of that name.
    fn admission(&self, name: &str) -> Option<&Admission>;

    /// Where the browser is sent.
    async fn begin(&self, name: &str, journey: &Journey, from: Site) -> Result<String, ProviderFault>;

    /// Who came back. Of one site only a few are asked for at once.
    async fn finish(
        &self,
        name: &str,
        journey: &Journey,
        came: &CameBack,
        from: Site,
    ) -> Result<Outsider, ProviderFault>;

    /// Whether each of them answers, for a look over the installation.
    async fn examine(&self) -> Vec<(String, Result<(), ProviderFault>)>;
}

/// Journeys that are over, as long as their cookies would open. Whoever comes second with one is not sent to the provider
/// with its code, which takes that as theft and takes back what it gave the first.
#[derive(Debug, Default)]
pub(crate) struct Taken(Mutex<BTreeSet<(i64, Digest)>>);

/// Most journeys that are remembered; beyond that the one that is over soonest is forgotten. Whoever came with it a second
/// time would get no session all the same ([`Journey::errand`]).
const MOST_TAKEN: usize = 50_000;

impl Taken {
    /// Whether nobody came with this one before.
    fn take(&self, journey: &Journey, now: i64) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let this = (journey.until, Digest::of(&journey.state));
        if taken.contains(&this) {
            return false;
        }
        while taken
            .first()
            .is_some_and(|(until, _)| *until <= now || taken.len() >= MOST_TAKEN)
        {
            taken.pop_first();
        }
        taken.insert(this)
    }
}

/// What the browser keeps.
#[derive(Serialize, Deserialize)]
struct Kept {
    number: String,
    provider: String,
    redirect_uri: String,
    next: String,
    ties: Option<UserId>,
    #[serde(default)]
    is_own_doing: bool,
    until: i64,
}

impl Kept {
    fn journey(self, identity: &Identity) -> Journey {
        let of = format!("{} {}", self.provider, self.number);
        let derived = |what: &str| BASE64URL_NOPAD.encode(&identity.inner.signatures.derive(what, &of));
        Journey {
            state: derived("state of a journey"),
            nonce: derived("nonce of a journey"),
            verifier: derived("verifier of a journey").into(),
            redirect_uri: self.redirect_uri,
            next: self.next,
            ties: self.ties,
            is_own_doing: self.is_own_doing,
            until: self.until,
        }
    }
}

impl Identity {
    /// A journey to that provider, and what the browser keeps of it until it is back. `None` if it does not fit into a
    /// cookie.
    #[must_use]
    pub fn set_out(&self, provider: &Provider, out: SettingOut<'_>) -> Option<(Journey, String)> {
        let until = self.inner.ambient.clock.now_micros() + stamp::seconds(AWAY_S);
        let kept = Kept {
            number: self.inner.ambient.entropy.token(),
            provider: provider.to_string(),
            redirect_uri: out.redirect_uri.to_owned(),
            next: out.next.to_owned(),
            ties: out.held.map(|session| session.user),
            is_own_doing: out.is_own_doing,
            until,
        };
        let text = serde_json::to_string(&kept).ok()?;
        let cookie = self.inner.signatures.sign(PURPOSE, until, &text)?;
        Some((kept.journey(self), cookie))
    }

    /// The journey that this browser began to this provider, if it is still away and this state came back from it. Once:
    /// whatever becomes of it, it is over. On several Hosts at once that is only so when it ends in a session
    /// ([`Journey::errand`]).
    #[must_use]
    pub fn come_back(&self, provider: &Provider, cookie: &str, state: &str) -> Option<Journey> {
        let now = self.inner.ambient.clock.now_micros();
        let text = self.inner.signatures.open(PURPOSE, cookie, now)?;
        let kept: Kept = serde_json::from_str(&text).ok()?;
        if kept.provider != provider.as_str() {
            return None;
        }
        let journey = kept.journey(self);
        let is_first = same(&journey.state, state) && self.inner.taken.take(&journey, now);
        is_first.then_some(journey)
    }
}
