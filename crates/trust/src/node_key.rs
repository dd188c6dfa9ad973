//! The node's key, which never leaves it, and the leaf that says whose it is.

use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_kit::files;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use crate::keyfile::{self, KeyFileError};
use crate::{ClusterId, Issued, provider, report};

/// A certificate with its chain and its key: all that one end of the link needs to prove who it is.
#[derive(Debug)]
pub struct Leaf {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    not_after: OffsetDateTime,
}

impl Leaf {
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, key: &KeyPair, not_after: OffsetDateTime) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Self {
            chain,
            key,
            not_after,
        }
    }

    /// The leaf, then the CA.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Until when it is valid.
    #[must_use]
    pub const fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// As rustls takes it; fails if key and certificate do not belong together.
    pub(crate) fn certified(&self) -> Result<CertifiedKey, rustls::Error> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &provider::provider())
    }
}

/// A node's own key (ECDSA P-256), made on the node and never shown.
pub struct NodeKey {
    pair: KeyPair,
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

impl NodeKey {
    /// Opens `<state>/keys/node.key`, or makes it.
    ///
    /// # Errors
    /// [`KeyFileError`]; an existing key is never replaced.
    pub fn open_or_make(state: &Path) -> Result<Self, KeyFileError> {
        let path = keyfile::keys_folder(state)?.join("node.key");
        if let Some(pem) = keyfile::read_key(&path)? {
            let pair = KeyPair::try_from(&keyfile::private_key(&path, &pem)?)?;
            return Ok(Self { pair });
        }
        let pair = KeyPair::generate()?;
        let pem = Zeroizing::new(pair.serialize_pem());
        keyfile::write(&path, pem.as_bytes(), files::PRIVATE_FILE)?;
        Ok(Self { pair })
    }

    /// A certificate request (PKCS#10, RFC 2986) in DER. It asks for nothing: names, usage and lifetime are
    /// the CA's to give.
    ///
    /// # Errors
    /// [`KeyFileError::Crypto`].
    pub fn request(&self) -> Result<Vec<u8>, KeyFileError> {
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, "Watchroom node");
        params.distinguished_name = subject;
        Ok(params.serialize_request(&self.pair)?.der().to_vec())
    }

    /// The public key (SubjectPublicKeyInfo in DER), by which two requests are of one machine.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        rcgen::PublicKeyData::subject_public_key_info(&self.pair)
    }

    /// Joins what was issued to this key.
    #[must_use]
    pub fn with(&self, issued: Issued) -> Leaf {
        Leaf::new(issued.chain, &self.pair, issued.not_after)
    }
}

/// Why the other end is no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// It showed no certificate.
    #[error("the other end showed no certificate; it is not a node of this cluster")]
    NoCertificate,
    /// Its certificate names no node, or more than one.
    #[error("the certificate of the other end names no node; join this machine to the cluster again")]
    NamesNoNode,
}

/// The node that a verified client certificate names. The chain itself was verified by TLS against the
/// cluster CA: see [`crate::link_server_config`].
///
/// # Errors
/// [`PeerError`].
pub fn peer_node(certificates: &[CertificateDer<'_>]) -> Result<Uuid, PeerError> {
    let leaf = certificates.first().ok_or(PeerError::NoCertificate)?;
    let names = report::alternative_names(leaf).map_err(|_| PeerError::NamesNoNode)?;
    match names.as_slice() {
        [GeneralName::URI(uri)] => node_of(uri).ok_or(PeerError::NamesNoNode),
        _ => Err(PeerError::NamesNoNode),
    }
}

fn node_of(uri: &str) -> Option<Uuid> {
    let (cluster, node) = uri.strip_prefix("watchroom://")?.split_once("/node/")?;
    cluster.parse::<ClusterId>().ok()?;
    Uuid::try_parse(node).ok()
}
