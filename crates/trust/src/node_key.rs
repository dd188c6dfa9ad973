//! The node's key, which never leaves it, and the leaf that says whose it is.

use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SigningKey};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use watchroom_kit::files;
use zeroize::Zeroizing;

use crate::keyfile::{self, KeyFileError};
use crate::{Issued, peer, provider};

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

    /// From when it is valid, which is a little before it was made; `None` if it cannot be read.
    pub(crate) fn not_before(&self) -> Option<OffsetDateTime> {
        peer::not_before(self.chain.first()?)
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

    /// Signs a message (ECDSA P-256 with SHA-256, in DER), to prove the key where no certificate can be shown:
    /// see [`crate::is_signed_by`].
    ///
    /// # Errors
    /// [`KeyFileError::Crypto`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFileError> {
        Ok(self.pair.sign(message)?)
    }

    /// Joins what was issued to this key.
    #[must_use]
    pub fn with(&self, issued: Issued) -> Leaf {
        Leaf::new(issued.chain, &self.pair, issued.not_after)
    }
}
