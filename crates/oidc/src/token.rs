//! ID tokens: a signature by a key of the provider's and an algorithm of ours, then what is signed (OpenID Connect Core,
//! 3.1.3.7).
//!
//! The algorithm is chosen by our settings and must fit the key; what the token says of itself only picks among them. So
//! a token with none, or with a public key taken for a shared secret, has no way in.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use crate::{Algorithm, OidcError};

/// How far a provider's clock may be from ours, in seconds.
const SKEW_S: i64 = 60;
/// Longest token, in bytes.
const LONGEST: usize = 64 << 10;

/// One public key of a provider (RFC 7517), as far as we need it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A list of keys. A key of a kind that we do not know is no reason to refuse the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct KeyList {
    keys: Vec<Value>,
}

impl Keys {
    pub(crate) fn read(list: Value) -> Result<Self, OidcError> {
        let list: KeyList =
            serde_json::from_value(list).map_err(|error| OidcError::Foreign(error.to_string()))?;
        let keys = list.keys.into_iter().take(100);
        Ok(Self(
            keys.filter_map(|key| serde_json::from_value(key).ok()).collect(),
        ))
    }

    /// The keys by which a token with this header may be signed.
    fn fitting<'k>(&'k self, header: &'k Header, algorithm: Algorithm) -> impl Iterator<Item = &'k Key> {
        self.0.iter().filter(move |key| {
            let is_named = header.kid.is_none() || key.kid == header.kid;
            is_named && key.fits(algorithm)
        })
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_kind = match algorithm {
            Algorithm::Rs256 => self.kty == "RSA",
            Algorithm::Es256 => self.kty == "EC" && self.crv.as_deref() == Some("P-256"),
            Algorithm::EdDsa => self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519"),
        };
        let is_for_it = self.alg.as_deref().is_none_or(|alg| alg == algorithm.name());
        is_kind && is_for_it && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
    }

    /// Whether this key made that signature. A key that cannot be read made none.
    fn made(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.check(algorithm, signed, signature).is_some()
    }

    fn check(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Option<()> {
        let part = |part: &Option<String>| BASE64URL_NOPAD.decode(part.as_deref()?.as_bytes()).ok();
        match algorithm {
            Algorithm::Rs256 => {
                let (n, e) = (part(&self.n)?, part(&self.e)?);
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).ok()
            }
            Algorithm::Es256 => {
                let point = [vec![4], part(&self.x)?, part(&self.y)?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed, signature)
                    .ok()
            }
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, part(&self.x)?)
                .verify(signed, signature)
                .ok(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// What must be true of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    /// The access token that came with it.
    pub(crate) access_token: &'a str,
    /// Now, in seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// What a token's signature says before its claims are looked at.
#[derive(Debug)]
pub(crate) enum Signed {
    /// By a key of the provider's.
    Well(Algorithm, Map<String, Value>),
    /// By a key that is not among those we know: it may be a new one.
    ByUnknownKey,
}

/// Takes a token apart and checks its signature.
pub(crate) fn open(token: &str, keys: &Keys, algorithms: &[Algorithm]) -> Result<Signed, OidcError> {
    if token.len() > LONGEST {
        return Err(OidcError::Untrue("the token is too long"));
    }
    let (signed, signature) = token
        .rsplit_once('.')
        .ok_or(OidcError::Untrue("the token has no parts"))?;
    let (header, payload) = signed
        .split_once('.')
        .filter(|(_, payload)| !payload.contains('.'))
        .ok_or(OidcError::Untrue("the token does not have three parts"))?;
    let header: Header = part(header)?;
    if header.crit.is_some() {
        return Err(OidcError::Untrue("the token asks for what we do not know"));
    }
    let algorithm = Algorithm::named(&header.alg)
        .filter(|algorithm| algorithms.contains(algorithm))
        .ok_or(OidcError::Untrue(
            "the token is not signed by an algorithm that is allowed",
        ))?;
    let signature = BASE64URL_NOPAD
        .decode(signature.as_bytes())
        .map_err(|_| OidcError::Untrue("the signature cannot be read"))?;
    let mut fitting = keys.fitting(&header, algorithm).peekable();
    if fitting.peek().is_none() {
        return Ok(Signed::ByUnknownKey);
    }
    match fitting.any(|key| key.made(algorithm, signed.as_bytes(), &signature)) {
        true => Ok(Signed::Well(algorithm, part(payload)?)),
        false => Err(OidcError::Untrue("the signature is wrong")),
    }
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, OidcError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
    let bytes = bytes.map_err(|_| OidcError::Untrue("a part of the token cannot be read"))?;
    serde_json::from_slice(&bytes).map_err(|_| OidcError::Untrue("a part of the token cannot be read"))
}

impl Expected<'_> {
    /// Checks the claims of a token that is signed well.
    pub(crate) fn check(&self, algorithm: Algorithm, claims: &Map<String, Value>) -> Result<(), OidcError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let holds = |is_so: bool, fault: &'static str| match is_so {
            true => Ok(()),
            false => Err(OidcError::Untrue(fault)),
        };
        holds(text("iss") == Some(self.issuer), "the token is of another issuer")?;
        self.check_audience(claims)?;
        self.check_time(claims)?;
        let nonce = text("nonce").unwrap_or_default();
        holds(same(nonce, self.nonce), "the token was made for another sign-in")?;
        if let Some(hash) = claims.get("at_hash") {
            let wanted = access_hash(algorithm, self.access_token);
            holds(
                hash.as_str() == Some(&wanted),
                "the tokens do not belong together",
            )?;
        }
        Ok(())
    }

    /// It is for us, and nobody else whom it names could have had it made for themselves.
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), OidcError> {
        let audience: Vec<&str> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let party = claims.get("azp");
        let is_ours = audience.contains(&self.client_id)
            && party.is_none_or(|party| party.as_str() == Some(self.client_id))
            && (audience.len() == 1 || party.is_some());
        match is_ours {
            true => Ok(()),
            false => Err(OidcError::Untrue("the token is for somebody else")),
        }
    }

    fn check_time(&self, claims: &Map<String, Value>) -> Result<(), OidcError> {
        let seconds = |name: &str| seconds(claims, name);
        let untrue = OidcError::Untrue;
        let ends = seconds("exp").ok_or(untrue("the token has no end"))?;
        let made = seconds("iat").ok_or(untrue("the token does not say when it was made"))?;
        if ends <= self.now.saturating_sub(SKEW_S) {
            return Err(untrue("the token is over"));
        }
        let latest = self.now.saturating_add(SKEW_S);
        if made > latest || seconds("nbf").is_some_and(|from| from > latest) {
            return Err(untrue("the token is of a time to come"));
        }
        Ok(())
    }
}

/// When the provider last saw a proof of who it is (`auth_time`), where it says so. Of the time to come it can say nothing
/// that is believed.
pub(crate) fn proven_at(claims: &Map<String, Value>) -> Option<i64> {
    let (proven, made) = (seconds(claims, "auth_time")?, seconds(claims, "iat")?);
    Some(proven.min(made))
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    match claims.get(name) {
        Some(Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        _ => None,
    }
}

/// Some providers write times with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked, and the fraction is meant to go"
)]
fn whole(seconds: f64) -> Option<i64> {
    (0.0..9e15).contains(&seconds).then_some(seconds as i64)
}

/// The left half of an access token's hash (OpenID Connect Core, 3.1.3.6).
fn access_hash(algorithm: Algorithm, token: &str) -> String {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => digest(&SHA256, token.as_bytes()),
        Algorithm::EdDsa => digest(&SHA512, token.as_bytes()),
    };
    let hash = hash.as_ref();
    BASE64URL_NOPAD.encode(hash.get(..hash.len() / 2).unwrap_or_default())
}

/// Whether two texts are the same and not empty, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let is_same: bool = one.as_bytes().ct_eq(other.as_bytes()).into();
    is_same && !one.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_a_token_by_chance(text in "\\PC{0,80}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,20}", 0..5)) {
            for text in [text, parts.join(".")] {
                prop_assert!(!matches!(open(&text, &Keys::default(), &Algorithm::ALL), Ok(Signed::Well(..))));
            }
        }
    }
}
