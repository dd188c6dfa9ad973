//! What a provider says of itself (OpenID Connect Discovery 1.0) and its keys, kept for an hour.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use watchroom_kit::Clock;

use crate::OidcError;
use crate::fetch::{Address, Asking, Showing};
use crate::token::Keys;

/// How long what was learned holds.
const HOLDS: Duration = Duration::from_secs(3_600);
/// How long it is believed if the provider cannot be asked again.
const BELIEVED: Duration = Duration::from_secs(86_400);
/// How long the provider has to say it again, while what it said before is believed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often, at most, a provider is asked again that did not answer, and keys are asked for because of a token signed by one that we do not know.
const REST: Duration = Duration::from_secs(30);

/// What we need of it.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What a provider says of itself, checked.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) authorize: Address,
    pub(crate) token: Address,
    pub(crate) userinfo: Option<Address>,
    /// Whether our secret goes into the form, since the provider takes it nowhere else.
    pub(crate) posts_secret: bool,
    /// Whether it says who it is when it sends a browser back (RFC 9207).
    pub(crate) names_itself: bool,
    pub(crate) keys: Keys,
    keys_at: Address,
}

/// What was learned, and when.
#[derive(Debug)]
struct Learned {
    metadata: Arc<Metadata>,
    at: Duration,
    /// When it was asked again in vain.
    failed: Option<Duration>,
    keys_asked: Duration,
}

impl Learned {
    /// Whether it was asked again in vain a moment ago.
    fn rests(&self, now: Duration) -> bool {
        let is_believed = now.saturating_sub(self.at) < BELIEVED;
        let failed = self.failed.map(|failed| now.saturating_sub(failed));
        is_believed && failed.is_some_and(|since| since < REST)
    }
}

/// Learns and remembers.
#[derive(Debug)]
pub(crate) struct Memory {
    issuer: String,
    clock: Clock,
    /// Held while the provider is asked, so that it is asked once.
    learned: Mutex<Option<Learned>>,
}

impl Memory {
    pub(crate) fn new(issuer: String, clock: Clock) -> Self {
        Self {
            issuer,
            clock,
            learned: Mutex::default(),
        }
    }

    /// What the provider said of itself within the hour, if it did and nobody asks it just now.
    pub(crate) fn fresh(&self) -> Option<Arc<Metadata>> {
        let learned = self.learned.try_lock().ok()?;
        let learned = learned.as_ref()?;
        let age = self.clock.elapsed().saturating_sub(learned.at);
        (age < HOLDS).then(|| Arc::clone(&learned.metadata))
    }

    /// What the provider says of itself.
    pub(crate) async fn metadata(&self, asking: &Asking) -> Result<Arc<Metadata>, OidcError> {
        let mut learned = self.learned.lock().await;
        let now = self.clock.elapsed();
        let age = learned.as_ref().map(|learned| now.saturating_sub(learned.at));
        if let (Some(learned), Some(age)) = (learned.as_ref(), age)
            && (age < HOLDS || learned.rests(now))
        {
            return Ok(Arc::clone(&learned.metadata));
        }
        // Nobody waits for a provider that hangs where there is something to believe.
        let is_believed = age.is_some_and(|age| age < BELIEVED);
        let asked = match is_believed {
            true => tokio::time::timeout(PATIENCE, self.learn(asking))
                .await
                .unwrap_or(Err(OidcError::Late)),
            false => self.learn(asking).await,
        };
        match asked {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *learned = Some(Learned {
                    metadata: Arc::clone(&metadata),
                    at: now,
                    failed: None,
                    keys_asked: now,
                });
                Ok(metadata)
            }
            Err(error) => match learned.as_mut() {
                Some(learned) if is_believed => {
                    learned.failed = Some(now);
                    tracing::warn!(provider.issuer = %self.issuer, %error, "a provider cannot be asked; what it said before holds on");
                    Ok(Arc::clone(&learned.metadata))
                }
                _ => Err(error),
            },
        }
    }

    /// The same with the keys that the provider has now, unless they were asked for a moment ago.
    pub(crate) async fn newer_keys(&self, asking: &Asking) -> Result<Option<Arc<Metadata>>, OidcError> {
        let mut held = self.learned.lock().await;
        let now = self.clock.elapsed();
        let Some(learned) = held.as_mut() else {
            return Ok(None);
        };
        if now.saturating_sub(learned.keys_asked) < REST {
            return Ok(None);
        }
        learned.keys_asked = now;
        let old = Arc::clone(&learned.metadata);
        let keys = keys(asking, &old.keys_at).await?;
        let metadata = Arc::new(Metadata {
            authorize: old.authorize.clone(),
            token: old.token.clone(),
            userinfo: old.userinfo.clone(),
            posts_secret: old.posts_secret,
            names_itself: old.names_itself,
            keys_at: old.keys_at.clone(),
            keys,
        });
        learned.metadata = Arc::clone(&metadata);
        Ok(Some(metadata))
    }

    async fn learn(&self, asking: &Asking) -> Result<Metadata, OidcError> {
        let at = format!("{}/.well-known/openid-configuration", self.issuer);
        let at = address(&at)?;
        let document: Document = asking.get(&at, &Showing::Nothing).await?.good()?;
        if document.issuer != self.issuer {
            return Err(OidcError::Untrue(
                "the provider calls itself otherwise than configured",
            ));
        }
        let lacks = |methods: &Option<Vec<String>>, one: &str| {
            methods
                .as_ref()
                .is_some_and(|methods| !methods.iter().any(|method| method == one))
        };
        if lacks(&document.code_challenge_methods_supported, "S256") {
            return Err(OidcError::Untrue("the provider does not take PKCE with S256"));
        }
        let keys_at = address(&document.jwks_uri)?;
        Ok(Metadata {
            authorize: address(&document.authorization_endpoint)?,
            token: address(&document.token_endpoint)?,
            userinfo: document.userinfo_endpoint.as_deref().map(address).transpose()?,
            posts_secret: lacks(
                &document.token_endpoint_auth_methods_supported,
                "client_secret_basic",
            ),
            names_itself: document.authorization_response_iss_parameter_supported,
            keys: keys(asking, &keys_at).await?,
            keys_at,
        })
    }
}

async fn keys(asking: &Asking, at: &Address) -> Result<Keys, OidcError> {
    let list: Value = asking.get(at, &Showing::Nothing).await?.good()?;
    Keys::read(list)
}

/// An address that the provider names.
fn address(text: &str) -> Result<Address, OidcError> {
    Address::parse(text).ok_or_else(|| OidcError::Foreign(format!("{text:?} is no https address")))
}
