//! How a machine joins: the URL that invites it, what it asks, and what it is told.
//!
//! These are the shapes of the two routes that a machine without a certificate may speak; bytes travel as
//! base64 (RFC 4648, with padding) inside JSON.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use watchroom_kit::{Entropy, ExposeSecret, SecretString};

use crate::{JoinRequestId, NodeId, NodeName};

/// Bytes of chance in a join token: 192 bits.
const CHANCE: usize = 24;
/// Bytes of the CA's fingerprint (SHA-256).
const PIN: usize = 32;
/// Bytes by which a cut or mistyped token is told from a wrong one.
const CHECK: usize = 4;

/// A join token: `wr_join_` and 80 characters, which hold chance, the SHA-256 of the cluster's CA and a
/// checksum. Whoever holds it may ask to join, and knows the Host before speaking with it.
#[derive(Clone, Debug)]
pub struct JoinToken {
    text: SecretString,
    pin: [u8; PIN],
}

/// Why a text is no join token or join URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinTextError {
    /// It is no token of ours.
    #[error("this is no join token; copy the whole URL, `https://...#wr_join_...`")]
    NotAToken,
    /// It looks like one, but its checksum is wrong.
    #[error("the join token is cut off or mistyped; copy the whole URL again")]
    Damaged,
    /// It is no join URL.
    #[error("this is no join URL; it looks like https://host:7443/join#wr_join_...")]
    NotAUrl,
}

impl JoinToken {
    /// What every join token begins with.
    pub const PREFIX: &str = "wr_join_";

    /// A new token for the cluster whose CA has this SHA-256.
    #[must_use]
    pub fn make(pin: [u8; PIN], entropy: &Entropy) -> Self {
        let mut bytes = [entropy.bytes::<CHANCE>().as_slice(), &pin].concat();
        bytes.extend_from_slice(&check(&bytes));
        let text = format!("{}{}", Self::PREFIX, BASE64URL_NOPAD.encode(&bytes));
        Self {
            text: text.into(),
            pin,
        }
    }

    /// The SHA-256 of the CA certificate of the cluster that it invites to.
    #[must_use]
    pub const fn pin(&self) -> [u8; PIN] {
        self.pin
    }

    /// The text, to be shown once.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.text
    }
}

impl FromStr for JoinToken {
    type Err = JoinTextError;

    fn from_str(text: &str) -> Result<Self, JoinTextError> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(JoinTextError::NotAToken)?;
        let bytes = BASE64URL_NOPAD
            .decode(rest.as_bytes())
            .map_err(|_| JoinTextError::Damaged)?;
        let body = bytes
            .len()
            .checked_sub(CHECK)
            .and_then(|end| bytes.split_at_checked(end));
        let (body, sum) = body.ok_or(JoinTextError::Damaged)?;
        let pin = body.get(CHANCE..).and_then(|pin| pin.try_into().ok());
        match pin {
            Some(pin) if sum == check(body) => Ok(Self {
                text: text.into(),
                pin,
            }),
            _ => Err(JoinTextError::Damaged),
        }
    }
}

/// The first bytes of a BLAKE3 hash; proves nothing, finds slips.
fn check(body: &[u8]) -> [u8; CHECK] {
    let mut sum = [0; CHECK];
    blake3::Hasher::new().update(body).finalize_xof().fill(&mut sum);
    sum
}

/// Where a machine joins, and by what right: `https://host:7443/join#wr_join_...`. The token stands behind
/// the `#`, which no browser sends anywhere.
#[derive(Clone, Debug)]
pub struct JoinUrl {
    /// The Host's name or address, with its port.
    pub address: String,
    /// The token.
    pub token: JoinToken,
}

impl JoinUrl {
    /// The text, to be shown once.
    #[must_use]
    pub fn secret(&self) -> SecretString {
        let token = self.token.secret().expose_secret();
        format!("https://{}/join#{token}", self.address).into()
    }
}

impl FromStr for JoinUrl {
    type Err = JoinTextError;

    fn from_str(text: &str) -> Result<Self, JoinTextError> {
        let (place, token) = text.trim().split_once('#').ok_or(JoinTextError::NotAUrl)?;
        let rest = place.strip_prefix("https://").ok_or(JoinTextError::NotAUrl)?;
        let authority = rest.strip_suffix("/join").ok_or(JoinTextError::NotAUrl)?;
        Ok(Self {
            address: host_and_port(authority).ok_or(JoinTextError::NotAUrl)?,
            token: token.parse()?,
        })
    }
}

/// Name or address with a port: the one given, or 7443.
///
/// IPv6 addresses stand in brackets. Nothing else may follow: no path, no name of a user.
#[must_use]
pub fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port
        .map_or(Ok(7443), str::parse::<u16>)
        .ok()
        .filter(|port| *port != 0)?;
    let is_v6 = host.starts_with('[') && host.ends_with(']');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_inner = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let is_host = if is_v6 {
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .chars()
            .all(is_inner)
            && host.len() > 2
    } else {
        !host.is_empty() && host.chars().all(is_plain)
    };
    is_host.then(|| format!("{host}:{port}"))
}

/// Bytes that travel as base64.
#[derive(Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = "byte")]
pub struct Bytes64(pub Vec<u8>);

impl fmt::Debug for Bytes64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes64({} bytes)", self.0.len())
    }
}

impl Serialize for Bytes64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes());
        bytes
            .map(Self)
            .map_err(|_| serde::de::Error::custom("base64 with padding"))
    }
}

/// What a machine that wants to join says: `POST /api/cluster/request-join`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinAsk {
    /// The token of its join URL; without one it must come from a network that may ask.
    #[serde(default, serialize_with = "expose_some")]
    #[schema(value_type = Option<String>)]
    pub token: Option<SecretString>,
    /// What it wants to be called.
    pub name: NodeName,
    /// Its own address, if it knows better than where the request comes from.
    #[serde(default)]
    pub address: Option<String>,
    /// The port of its local dashboard; 0 if that is off.
    #[serde(default)]
    pub port: u16,
    /// The version of its agent.
    pub version: String,
    /// A certificate request (PKCS#10 in DER) signed by its key (ECDSA P-256), which asks for no names.
    pub certificate_request: Bytes64,
    /// 32 random bytes, from which the words are made.
    pub nonce: Bytes64,
}

/// What it gets: `pending`, or `denied` at once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JoinTicket {
    /// Under which its request is looked up.
    pub id: JoinRequestId,
    /// What it shows to learn of its request; nobody else knows it.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String)]
    pub poll_secret: SecretString,
    /// The Host's 32 random bytes, from which the words are made.
    pub host_nonce: Bytes64,
    /// The cluster's CA in DER, whose SHA-256 the join URL holds.
    pub ca: Bytes64,
    /// How the request stands.
    pub status: JoinStatus,
    /// Until when it may be approved.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// How a join request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinStatus {
    /// It waits for a person.
    Pending,
    /// A person, or its join token, let it in.
    Approved,
    /// A person said no.
    Rejected,
    /// It could not be: the name belongs to another key.
    Denied,
    /// Nobody decided in time.
    Expired,
}

/// What a machine learns of its own request: `GET /api/cluster/check-approval/<id>`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JoinAnswer {
    /// How it stands.
    pub status: JoinStatus,
    /// Why, where it was rejected or denied.
    #[serde(default)]
    pub reason: Option<String>,
    /// What makes it a node: in one answer, once.
    #[serde(default)]
    pub papers: Option<JoinPapers>,
}

/// What makes a machine a node.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JoinPapers {
    /// Which node it is.
    pub node: NodeId,
    /// What it is called.
    pub name: NodeName,
    /// The cluster it is part of.
    pub cluster: Uuid,
    /// The leaf, then the CA, in DER.
    pub chain: Vec<Bytes64>,
    /// Until when the leaf is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Its cluster token.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String)]
    pub token: SecretString,
    /// Until when that is taken.
    #[serde(with = "time::serde::rfc3339")]
    pub token_expires_at: OffsetDateTime,
    /// Where the Host's replicas take links.
    pub addresses: Vec<String>,
}

/// What a machine signs with its key to be given its papers again, when the first answer was lost.
#[must_use]
pub fn hand_over_proof(request: JoinRequestId, at: OffsetDateTime) -> Vec<u8> {
    format!("watchroom join papers again\n{request}\n{}", at.unix_timestamp()).into_bytes()
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn expose_some<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret
        .as_ref()
        .map(ExposeSecret::expose_secret)
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_url_survives_copy_and_paste_and_names_its_cluster(seed: u64, pin: [u8; 32]) {
            let token = JoinToken::make(pin, &Entropy::seeded(seed));
            let url = JoinUrl { address: "host.example:7443".to_owned(), token };
            let text = url.secret();
            let back: JoinUrl = format!("  {}\n", text.expose_secret()).parse().unwrap();
            prop_assert_eq!(back.token.pin(), pin);
            prop_assert_eq!(back.address, "host.example:7443");
            let logged = format!("{url:?}");
            prop_assert!(!logged.contains(JoinToken::PREFIX));
        }

        #[test]
        fn one_wrong_character_is_noticed(seed: u64, at in 0_usize..80, to in "[0-9A-Za-z_-]") {
            let token = JoinToken::make([7; 32], &Entropy::seeded(seed));
            let text = token.secret().expose_secret();
            let mut bent = text.to_owned();
            let at = at + JoinToken::PREFIX.len();
            bent.replace_range(at..=at, &to);
            prop_assert_eq!(bent.parse::<JoinToken>().is_ok(), bent == text);
        }

        #[test]
        fn any_other_text_is_refused_without_panic(text in "(https://)?\\PC{0,40}(/join)?#?(wr_join_)?\\PC{0,90}") {
            prop_assert!(text.parse::<JoinUrl>().is_err());
        }
    }

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_else() {
        let taken = |text: &str| host_and_port(text).unwrap_or_default();
        assert_eq!(taken("host.example"), "host.example:7443");
        assert_eq!(taken("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(taken("[::1]"), "[::1]:7443");
        assert_eq!(taken("[fd00::1]:9"), "[fd00::1]:9");
        for wrong in [
            "",
            ":7443",
            "a b:1",
            "user@host:1",
            "host:0",
            "host:70000",
            "host/x",
            "::1",
            "[x]:1",
            "[]:1",
        ] {
            assert_eq!(host_and_port(wrong), None, "{wrong:?}");
        }
    }
}
