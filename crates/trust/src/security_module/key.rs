//! A key in a security module, as certificates (rcgen) and TLS (rustls) want to use one.

use std::sync::Arc;

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm as CertificateAlgorithm};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use sha2::{Digest, Sha256};

use super::{ModuleError, Reference, SecurityModule};
use crate::is_signed_by;

/// What a key signs to show that it does. It is neither a certificate nor a handshake.
const PROBE: &[u8] = b"watchroom probe 1\n";

/// A key (ECDSA P-256) that is somewhere else; clones are the same key.
#[derive(Clone, Debug)]
pub(crate) struct ModuleKey(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    module: SecurityModule,
    reference: Reference,
    /// Uncompressed.
    point: Vec<u8>,
}

impl ModuleKey {
    pub(super) fn new(module: SecurityModule, reference: Reference, point: Vec<u8>) -> Self {
        Self(Arc::new(Inner {
            module,
            reference,
            point,
        }))
    }

    /// Its name, by which it is found again.
    pub(crate) fn reference(&self) -> &Reference {
        &self.0.reference
    }

    /// Signs a message (ECDSA P-256 with SHA-256): `ECDSA-Sig-Value` in DER.
    pub(crate) fn signed(&self, message: &[u8]) -> Result<Vec<u8>, ModuleError> {
        self.0.module.sign(&self.0.reference, &Sha256::digest(message))
    }

    /// The label of the token in which it is.
    pub(crate) fn token(&self) -> &str {
        self.0.module.token()
    }

    /// Removes it from the module: nobody has used it.
    pub(crate) fn remove(&self) {
        self.0.module.remove(&self.0.reference);
    }

    /// Has it sign once, and looks whether that is by the public key that it shows.
    pub(crate) fn prove(&self) -> Result<(), ModuleError> {
        let signature = self.signed(PROBE)?;
        if is_signed_by(&self.subject_public_key_info(), PROBE, &signature) {
            Ok(())
        } else {
            Err(self
                .0
                .module
                .no_key(&self.0.reference, "its two halves do not belong together"))
        }
    }
}

impl PublicKeyData for ModuleKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0.point
    }

    fn algorithm(&self) -> &'static CertificateAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for ModuleKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signed(message).map_err(|error| {
            // The library's error has no room for the cause.
            tracing::error!("no certificate was signed: {error}");
            rcgen::Error::RemoteKeyError
        })
    }
}

impl SigningKey for ModuleKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let is_offered = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        is_offered.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.subject_public_key_info().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for ModuleKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.signed(message)
            .map_err(|error| rustls::Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
