//! Access tokens: JSON Web Tokens in the compact form (RFC 7519), signed by HMAC-SHA-256 and nothing else.
//!
//! Nothing in a token says how it is checked: its header must be, byte for byte, the one that we write for a key that
//! opens now. What remains is base64 without padding, three parts, and claims of exactly our shape.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use watchroom_kit::SecretString;
use watchroom_model::{SessionId, UserId};

use crate::sessions::Session;
use crate::{Identity, TokenFault};

const ISSUER: &str = "watchroom";
const AUDIENCE: &str = "watchroom-api";
/// More than any token of ours has, in bytes.
const LONGEST: usize = 1_024;
/// By how many seconds the clocks of two Hosts may differ.
const SKEW_S: i64 = 30;

/// What a token claims.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    /// Whose it is.
    sub: UserId,
    /// The family it belongs to.
    sid: SessionId,
    /// Its own name.
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Identity {
    /// A token of this family, and for how many seconds it holds.
    pub(super) fn access_token(&self, family: &Session) -> Option<(SecretString, u32)> {
        let ambient = &self.inner.ambient;
        let now = ambient.clock.now_micros();
        let access_s = self.inner.config.jwt.access_s;
        let began = now / 1_000_000;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: family.user,
            sid: family.id,
            jti: BASE64URL_NOPAD.encode(&ambient.entropy.bytes::<16>()),
            iat: began,
            nbf: began,
            exp: began + i64::from(access_s),
        };
        let key = self.inner.access_keys.signing(now)?;
        let claims = serde_json::to_vec(&claims).ok()?;
        let signed = format!("{}.{}", key.header, BASE64URL_NOPAD.encode(&claims));
        let tag = BASE64URL_NOPAD.encode(key.sign(&signed).as_ref());
        Some((format!("{signed}.{tag}").into(), access_s))
    }

    /// The family of an access token, and until when the token holds, in microseconds. Neither waits nor asks the database.
    ///
    /// # Errors
    /// [`TokenFault`].
    pub fn access(&self, token: &str) -> Result<(Arc<Session>, i64), TokenFault> {
        let now = self.inner.ambient.clock.now_micros();
        let claims = self.claims(token, now).ok_or(TokenFault::Malformed)?;
        let until = claims.exp.saturating_mul(1_000_000);
        if now >= until {
            return Err(TokenFault::Expired);
        }
        let family = self.session_by_id(claims.sid).ok_or(TokenFault::Unknown)?;
        let is_theirs = family.is_program && family.user == claims.sub;
        is_theirs.then_some((family, until)).ok_or(TokenFault::Unknown)
    }

    fn claims(&self, token: &str, now: i64) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, tag) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let key = self.inner.access_keys.of_header(header, now)?;
        let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).ok()?;
        if !key.has_signed(signed, &tag) {
            return None;
        }
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        let is_ours = claims.iss == ISSUER && claims.aud == AUDIENCE;
        let has_begun = claims.nbf <= now / 1_000_000 + SKEW_S;
        (is_ours && has_begun).then_some(claims)
    }
}
