//! The port through which the fleet reaches the cluster's authority: keys, certificates and words.

use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::NodeId;

use crate::nodes::Generation;

/// A certificate that was just made.
#[derive(Clone, Debug)]
pub struct Certified {
    /// The leaf, then the CA, in DER.
    pub chain: Vec<Vec<u8>>,
    /// Until when the leaf is valid.
    pub not_after: OffsetDateTime,
}

/// What a certificate request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedKey {
    /// The public key (SubjectPublicKeyInfo in DER) that signed the request.
    pub key: Vec<u8>,
    /// Its SHA-256, as people compare it (`AB:CD:...`).
    pub fingerprint: String,
}

/// A node that has proven itself by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenNode {
    /// Which.
    pub node: NodeId,
    /// The SHA-256 of its public key, as [`RequestedKey::fingerprint`] gives it.
    pub key: String,
    /// When its certificate expired, if it has.
    pub expired_at: Option<OffsetDateTime>,
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The request is not one that may be granted; the sentence names the next step.
    #[error("{0}")]
    BadRequest(String),
    /// It could not be signed.
    #[error("the certificate could not be signed: {0}")]
    Failed(String),
}

impl Fault for AuthorityError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::BadRequest(_) => FaultKind::Invalid,
            Self::Failed(_) => FaultKind::Internal,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "certificate-request-invalid",
            Self::Failed(_) => "certificate-not-signed",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::BadRequest(why) => why.clone(),
            Self::Failed(_) => "the certificate could not be signed; the Host's log says why".to_owned(),
        }
    }
}

/// Who certifies nodes. Implemented over the cluster CA, whose key may be in a security module: what signs may then wait for
/// that some seconds, without keeping the runtime from its other work.
pub trait Authority: Send + Sync + 'static {
    /// Which cluster.
    fn cluster(&self) -> Uuid;

    /// The certificate of the CA that signs, in DER.
    fn ca(&self) -> Vec<u8>;

    /// The SHA-256 of that certificate, which join URLs hold.
    fn pin(&self) -> [u8; 32];

    /// Until when the CA before the one that signs is trusted at the latest, if it still is.
    fn retires_at(&self) -> Option<OffsetDateTime>;

    /// Makes a CA to take the place of the one that signs. It is used once it comes back by [`Authority::adopt`].
    ///
    /// # Errors
    /// [`AuthorityError`].
    fn successor(&self) -> Result<Generation, AuthorityError>;

    /// Forgets a successor that the database has not taken.
    fn discard(&self, successor: &Generation);

    /// Takes up the CAs that the database has. Says whether anything has changed.
    ///
    /// # Errors
    /// [`AuthorityError`]; then nothing has changed.
    fn adopt(&self, all: &[Generation]) -> Result<bool, AuthorityError>;

    /// Reads a certificate request (PKCS#10 in DER).
    ///
    /// # Errors
    /// [`AuthorityError::BadRequest`].
    fn read(&self, request: &[u8]) -> Result<RequestedKey, AuthorityError>;

    /// The six words for a node's key and what both sides drew by chance.
    fn words(&self, key: &[u8], host_nonce: &[u8], node_nonce: &[u8]) -> Vec<String>;

    /// Certifies the key that signed the request as this node's.
    ///
    /// # Errors
    /// [`AuthorityError`].
    fn certify(&self, node: NodeId, request: &[u8]) -> Result<Certified, AuthorityError>;

    /// Certifies a node anew that has proven itself by the key with this fingerprint, for the same key alone.
    ///
    /// # Errors
    /// [`AuthorityError`].
    fn renew(&self, node: NodeId, key: &str, request: &[u8]) -> Result<Certified, AuthorityError>;

    /// The node behind the certificates (in DER, its own first) that the holder of their key has shown.
    ///
    /// # Errors
    /// What is wrong with them, as a sentence that names the next step.
    fn prove(&self, shown: &[&[u8]]) -> Result<ProvenNode, String>;

    /// The SHA-256 of a public key, as [`RequestedKey::fingerprint`] gives it.
    fn fingerprint(&self, key: &[u8]) -> String;

    /// Whether the signature over the message is by this public key.
    fn is_signed_by(&self, key: &[u8], message: &[u8], signature: &[u8]) -> bool;
}
