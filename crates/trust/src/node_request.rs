//! A node's certificate request as the cluster reads it, and what a node signs with its key besides.

use rcgen::{CertificateSigningRequestParams, IsCa, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::SignatureScheme;
use rustls_pki_types::CertificateSigningRequestDer;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::{IssueError, provider};

/// A certificate request (PKCS#10) that may be granted: signed by the ECDSA P-256 key it names, and asking
/// for nothing.
pub struct NodeRequest {
    params: CertificateSigningRequestParams,
}

impl std::fmt::Debug for NodeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeRequest(..)")
    }
}

impl NodeRequest {
    /// Reads one in DER, as [`crate::NodeKey::request`] makes it.
    ///
    /// # Errors
    /// [`IssueError`] if it is not one of ours.
    pub fn read(der: &[u8]) -> Result<Self, IssueError> {
        let der = CertificateSigningRequestDer::from(der);
        let params = CertificateSigningRequestParams::from_der(&der).map_err(IssueError::BadRequest)?;
        let asked = &params.params;
        if !asked.subject_alt_names.is_empty()
            || !asked.extended_key_usages.is_empty()
            || asked.is_ca != IsCa::NoCa
        {
            return Err(IssueError::AsksForMore);
        }
        if params.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(IssueError::WrongKey);
        }
        Ok(Self { params })
    }

    /// The node's public key (SubjectPublicKeyInfo in DER).
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.params.public_key.subject_public_key_info()
    }

    /// The key as the CA signs it.
    pub(crate) fn key(&self) -> &impl PublicKeyData {
        &self.params.public_key
    }
}

/// Whether `signature` (ECDSA P-256 with SHA-256, in DER) over `message` is by the key of this
/// SubjectPublicKeyInfo: see [`crate::NodeKey::sign`].
#[must_use]
pub fn is_signed_by(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok((_, key)) = SubjectPublicKeyInfo::from_der(public_key) else {
        return false;
    };
    let provider = provider::provider();
    let known = provider.signature_verification_algorithms.mapping;
    let schemes = known
        .iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::ECDSA_NISTP256_SHA256);
    schemes.is_some_and(|(_, algorithms)| {
        let point = &key.subject_public_key.data;
        algorithms
            .iter()
            .any(|algorithm| algorithm.verify_signature(point, message, signature).is_ok())
    })
}
