//! Heartbeats without a link: by the node's certificate, or by its cluster token and its key's signature over what it
//! says.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use watchroom_kit::{ExposeSecret, Fault, FaultKind, SecretString};
use watchroom_model::Heartbeat;

use super::Node;
use crate::Fleet;

/// Stands before what is signed, so that the signature can never be taken for one over something else.
const CONTEXT: &[u8] = b"watchroom heartbeat 1\n";
/// How far the node's clock may be off.
const TOLERATED_SKEW: Duration = Duration::minutes(5);

/// What a node shows where it cannot show its certificate.
#[derive(Debug)]
pub struct NodeCredential {
    /// Its cluster token.
    pub token: SecretString,
    /// Its public key (SubjectPublicKeyInfo in DER).
    pub key: Vec<u8>,
    /// The key's signature over the message.
    pub signature: Vec<u8>,
}

/// Why a heartbeat is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    /// Token, key or signature is wrong; which of them, nobody is told.
    #[error(
        "the node's credential is not valid; look on the Host whether the node belongs, or join it again"
    )]
    Credential,
    /// Its certificate proves no node of this cluster; the sentence says why.
    #[error("{0}")]
    Certificate(String),
    /// The node is who it says, and may not be heard.
    #[error("this node is not heard: {0}")]
    NotAdmitted(&'static str),
    /// The node's clock is too far off for its signature to prove anything.
    #[error("the node's clock is off by {seconds} s against the Host's; set both by NTP")]
    ClockSkewed {
        /// How far it is ahead; negative if it is behind.
        seconds: i64,
    },
    /// It was taken before, or a later one was.
    #[error("a heartbeat as late as this one was taken already; send each once, with the time it was made")]
    NotNewer,
}

impl Fault for HeartbeatError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Credential | Self::Certificate(_) => FaultKind::Unauthenticated,
            Self::NotAdmitted(_) => FaultKind::Forbidden,
            Self::ClockSkewed { .. } | Self::NotNewer => FaultKind::Conflict,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Credential => "node-credential-invalid",
            Self::Certificate(_) => "node-certificate-invalid",
            Self::NotAdmitted(_) => "node-not-admitted",
            Self::ClockSkewed { .. } => "clock-skewed",
            Self::NotNewer => "heartbeat-not-newer",
        }
    }

    fn public(&self) -> String {
        self.to_string()
    }
}

impl Fleet {
    /// The node that has proven itself by token and key over `body`, and may be heard.
    ///
    /// # Errors
    /// [`HeartbeatError::Credential`].
    pub fn node_by_credential(
        &self,
        credential: &NodeCredential,
        body: &[u8],
    ) -> Result<Arc<Node>, HeartbeatError> {
        let node = self
            .node_by_token(credential.token.expose_secret())
            .filter(|node| self.fence_of(node.id()).is_none())
            .ok_or(HeartbeatError::Credential)?;
        let is_its_key = node.key_fingerprint() == Some(self.authority().fingerprint(&credential.key));
        let message = [CONTEXT, body].concat();
        let is_signed = self
            .authority()
            .is_signed_by(&credential.key, &message, &credential.signature);
        if is_its_key && is_signed {
            Ok(node)
        } else {
            Err(HeartbeatError::Credential)
        }
    }

    /// The node that has proven itself by its certificate, and may be heard; `shown` are the certificates in DER, its own
    /// first. Whoever has the key may be told what stands in its way.
    ///
    /// # Errors
    /// [`HeartbeatError::Certificate`], [`HeartbeatError::NotAdmitted`].
    pub fn node_by_certificate(&self, shown: &[&[u8]]) -> Result<Arc<Node>, HeartbeatError> {
        let proven = self
            .authority()
            .prove(shown)
            .map_err(HeartbeatError::Certificate)?;
        if let Some(at) = proven.expired_at {
            let why = format!(
                "the certificate expired at {at}; the node's agent renews it, or join this machine again"
            );
            return Err(HeartbeatError::Certificate(why));
        }
        let gone = "it has been struck from the roll; join this machine again";
        let node = self.node(proven.node).ok_or(HeartbeatError::NotAdmitted(gone))?;
        if node.key_fingerprint().is_some_and(|known| known != proven.key) {
            let why = "another machine has taken its place; join this machine again";
            return Err(HeartbeatError::NotAdmitted(why));
        }
        if self.fence_of(node.id()).is_some() {
            let why = "it is fenced; `watchroom cluster unfence` on the Host lets it back in";
            return Err(HeartbeatError::NotAdmitted(why));
        }
        match node.admitted() {
            Ok(()) => Ok(node),
            Err("revoked") => Err(HeartbeatError::NotAdmitted(
                "it is revoked; join with a replace URL",
            )),
            Err("locked") => Err(HeartbeatError::NotAdmitted(
                "a lock is on it; its administrator can lift it",
            )),
            Err(_) => Err(HeartbeatError::NotAdmitted("nobody has approved it yet")),
        }
    }

    /// Takes a heartbeat that did not come over a link: one that is repeated is none.
    ///
    /// # Errors
    /// [`HeartbeatError`].
    pub fn heard_once(&self, node: &Node, heartbeat: Heartbeat) -> Result<(), HeartbeatError> {
        let skew: Duration = heartbeat.clock - self.ambient().now();
        if skew.abs() > TOLERATED_SKEW {
            return Err(HeartbeatError::ClockSkewed {
                seconds: skew.whole_seconds(),
            });
        }
        let said_at: OffsetDateTime = heartbeat.clock;
        {
            let mut live = node.live();
            if live.said_at.is_some_and(|before| said_at <= before) {
                return Err(HeartbeatError::NotNewer);
            }
            live.said_at = Some(said_at);
        }
        self.heard(node.id(), Arc::new(heartbeat), self.ambient().now());
        Ok(())
    }
}
