//! One provider: where a browser is sent, and what is made of what it brings back.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::Deserialize;
use serde_json::{Map, Value};
use watchroom_kit::{Clock, ExposeSecret, SecretString, Site, Turns};

use crate::fetch::{Address, Asking, Showing};
use crate::github::Places;
use crate::metadata::{Memory, Metadata};
use crate::token::{self, Expected, Signed, same};
use crate::{Kind, Known, OidcError, Roots, Settings};

/// How many ask one provider at once; others wait, each in the line of their own site.
const AT_ONCE: usize = 16;
/// How long a browser waits to be sent away.
const BEGIN: Duration = Duration::from_secs(5);
/// How long it waits after it came back.
const FINISH: Duration = Duration::from_secs(10);
/// How long ago, at most, the provider is to have seen a proof; it asks for another one where it is longer (OpenID Connect
/// Core, 3.1.2.1). As long as a proof is fresh here.
const STEP_UP_FRESH_S: u32 = 600;
/// Longest subject (OpenID Connect Core, 2), in characters.
const LONGEST_SUBJECT: usize = 255;

/// What binds one sign-in together, from the browser that begins to the one that comes back. The caller made it, keeps it
/// from everybody but that browser, and takes it once.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Sent along, and must come back.
    pub state: String,
    /// Must stand in the token.
    pub nonce: String,
    /// What proves that whoever has the code began the journey (RFC 7636): 43 to 128 letters.
    pub verifier: SecretString,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
}

/// What a browser brings back.
#[derive(Clone, Debug, Default)]
pub struct CameBack {
    /// The code.
    pub code: Option<SecretString>,
    /// Who says so (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    asking: Asking,
    clock: Clock,
    memory: Memory,
    github: Option<Places>,
    turns: Turns,
}

/// What comes for a code (RFC 6749, 5.1 and 5.2).
#[derive(Debug, Deserialize)]
struct Tokens {
    access_token: Option<SecretString>,
    id_token: Option<String>,
    token_type: Option<String>,
    error: Option<String>,
}

impl Provider {
    /// The provider of these settings, which nobody has asked anything yet.
    #[must_use]
    pub fn new(settings: Settings, roots: Roots, clock: Clock) -> Self {
        Self {
            memory: Memory::new(settings.issuer.clone(), clock.clone()),
            github: (settings.kind == Kind::GitHub)
                .then(|| Places::of(&settings.issuer))
                .flatten(),
            asking: Asking::new(roots),
            turns: Turns::new(AT_ONCE),
            settings,
            clock,
        }
    }

    /// Its name here.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where the browser is sent.
    ///
    /// # Errors
    /// [`OidcError`], after five seconds at most.
    pub async fn begin(&self, journey: &Journey, from: Site) -> Result<String, OidcError> {
        let known = match &self.github {
            Some(places) => Some(places.authorize.clone()),
            // Where nobody has to be asked nobody waits for a turn.
            None => self.memory.fresh().map(|metadata| metadata.authorize.clone()),
        };
        let authorize = match known {
            Some(authorize) => authorize,
            None => {
                let learning = async { Ok(self.memory.metadata(&self.asking).await?.authorize.clone()) };
                self.within(BEGIN, from, learning).await?
            }
        };
        Ok(self.address_for(&authorize, journey))
    }

    /// Who came back.
    ///
    /// # Errors
    /// [`OidcError`], after ten seconds at most.
    pub async fn finish(&self, journey: &Journey, came: &CameBack, from: Site) -> Result<Known, OidcError> {
        self.within(FINISH, from, async {
            match &self.github {
                Some(places) => self.finish_github(places, journey, came).await,
                None => self.finish_openid(journey, came).await,
            }
        })
        .await
    }

    /// Asks the provider what it says of itself, if that is not known: for a look over the installation.
    ///
    /// # Errors
    /// [`OidcError`], after five seconds at most.
    pub async fn examine(&self) -> Result<(), OidcError> {
        match &self.github {
            Some(_) => Ok(()),
            None => {
                let learning = async { self.memory.metadata(&self.asking).await.map(drop) };
                self.within(BEGIN, Site::default(), learning).await
            }
        }
    }

    /// Does the work in turn; waiting for the turn counts.
    async fn within<T>(
        &self,
        limit: Duration,
        from: Site,
        work: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<T, OidcError> {
        let in_turn = async {
            let _turn = self.turns.take(from).await.ok_or(OidcError::Busy)?;
            work.await
        };
        match tokio::time::timeout(limit, in_turn).await {
            Ok(done) => done,
            Err(_) => Err(OidcError::Late),
        }
    }

    fn address_for(&self, authorize: &Address, journey: &Journey) -> String {
        let challenge = digest(&SHA256, journey.verifier.expose_secret().as_bytes());
        let challenge = BASE64URL_NOPAD.encode(challenge.as_ref());
        let scopes = self.settings.scopes.join(" ");
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &journey.redirect_uri),
            ("scope", &scopes),
            ("state", &journey.state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let freshness = STEP_UP_FRESH_S.to_string();
        if self.settings.kind == Kind::OpenId {
            query.push(("nonce", &journey.nonce));
            query.push(("max_age", &freshness));
        }
        authorize.with_query(&query)
    }

    async fn finish_openid(&self, journey: &Journey, came: &CameBack) -> Result<Known, OidcError> {
        let metadata = self.memory.metadata(&self.asking).await?;
        self.check_sender(&self.settings.issuer, metadata.names_itself, came)?;
        let tokens = self
            .redeem(&metadata.token, metadata.posts_secret, journey, came)
            .await?;
        let access = tokens
            .access_token
            .ok_or(OidcError::Untrue("no access token came"))?;
        let id_token = tokens.id_token.ok_or(OidcError::Untrue("no ID token came"))?;
        let claims = self.claims(&metadata, &id_token, journey, &access).await?;
        let (subject, proven_at) = (subject_of(&claims)?, token::proven_at(&claims));
        let mut documents = vec![claims];
        if let Some(userinfo) = &metadata.userinfo {
            let showing = Showing::Bearer(access);
            let more: Map<String, Value> = self.asking.get(userinfo, &showing).await?.good()?;
            // Somebody else's token could stand in the place of this one's (OpenID Connect Core, 5.3.2).
            if subject_of(&more)? != subject {
                return Err(OidcError::Untrue("the provider tells of somebody else"));
            }
            documents.push(more);
        }
        let known = Known::of(&self.settings.issuer, &subject, &documents);
        Ok(Known { proven_at, ..known })
    }

    async fn finish_github(
        &self,
        places: &Places,
        journey: &Journey,
        came: &CameBack,
    ) -> Result<Known, OidcError> {
        self.check_sender(&places.sender(), false, came)?;
        let tokens = self.redeem(&places.token, true, journey, came).await?;
        let access = tokens
            .access_token
            .ok_or(OidcError::Untrue("no access token came"))?;
        places.person(&self.asking, access).await
    }

    /// A code of one provider must not be given to another (RFC 9207).
    fn check_sender(&self, expected: &str, is_named: bool, came: &CameBack) -> Result<(), OidcError> {
        match &came.iss {
            Some(sender) if sender != expected => Err(OidcError::Untrue("another provider sent the browser")),
            None if is_named => Err(OidcError::Untrue("nobody says who sent the browser")),
            _ => Ok(()),
        }
    }

    /// Exchanges the code (RFC 6749, 4.1.3).
    async fn redeem(
        &self,
        at: &Address,
        posts_secret: bool,
        journey: &Journey,
        came: &CameBack,
    ) -> Result<Tokens, OidcError> {
        let refused = || came.error.clone().unwrap_or_else(|| "no code came".to_owned());
        let code = came.code.as_ref().ok_or_else(|| OidcError::Refused(refused()))?;
        let (showing, form) = self.redemption(posts_secret, journey, code);
        let answer = self.asking.post(at, &showing, form).await?;
        let tokens: Tokens = answer.json()?;
        if let Some(error) = tokens.error {
            return Err(OidcError::Refused(error));
        }
        let is_bearer = tokens.token_type.as_deref();
        let is_bearer = is_bearer.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        match answer.is_success() && is_bearer {
            true => Ok(tokens),
            false => Err(OidcError::Foreign(
                "tokens of a kind that we do not know".to_owned(),
            )),
        }
    }

    /// How we say who we are when we give the code back, and the form in which we do.
    fn redemption(&self, posts_secret: bool, journey: &Journey, code: &SecretString) -> (Showing, String) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code.expose_secret())
            .append_pair("redirect_uri", &journey.redirect_uri)
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("code_verifier", journey.verifier.expose_secret());
        let showing = match &self.settings.client_secret {
            Some(secret) if posts_secret => {
                form.append_pair("client_secret", secret.expose_secret());
                Showing::Nothing
            }
            Some(secret) => Showing::Basic(basic(&self.settings.client_id, secret)),
            None => Showing::Nothing,
        };
        (showing, form.finish())
    }

    /// The claims of a token that is signed well and true. If it is signed by a key that we do not know, the provider's
    /// keys are asked for once more.
    async fn claims(
        &self,
        metadata: &Arc<Metadata>,
        id_token: &str,
        journey: &Journey,
        access: &SecretString,
    ) -> Result<Map<String, Value>, OidcError> {
        let algorithms = &self.settings.algorithms;
        let unknown = OidcError::Untrue("the token is signed by no key of the provider");
        let opened = match token::open(id_token, &metadata.keys, algorithms)? {
            Signed::ByUnknownKey => {
                let newer = self.memory.newer_keys(&self.asking).await?;
                let newer = newer.ok_or(unknown.clone())?;
                token::open(id_token, &newer.keys, algorithms)?
            }
            well => well,
        };
        let Signed::Well(algorithm, claims) = opened else {
            return Err(unknown);
        };
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &journey.nonce,
            access_token: access.expose_secret(),
            now: self.clock.now().unix_timestamp(),
        };
        expected.check(algorithm, &claims)?;
        Ok(claims)
    }
}

impl Journey {
    /// Whether this state came back from this journey.
    #[must_use]
    pub fn is_answered_by(&self, state: &str) -> bool {
        same(&self.state, state)
    }
}

fn subject_of(claims: &Map<String, Value>) -> Result<String, OidcError> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    match (1..=LONGEST_SUBJECT).contains(&subject.chars().count()) {
        true => Ok(subject.to_owned()),
        false => Err(OidcError::Untrue("the token names nobody")),
    }
}

/// Our name and secret, each encoded as in a form (RFC 6749, 2.3.1).
fn basic(client_id: &str, secret: &SecretString) -> SecretString {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encoded(client_id), encoded(secret.expose_secret()));
    BASE64.encode(both.as_bytes()).into()
}
