//! Whom we trust to say who a provider is: the authorities of this machine, or those of one file.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The authorities, as TLS asks for them. Cloning is cheap.
#[derive(Clone)]
pub struct Roots(pub(crate) Arc<ClientConfig>);

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Roots(..)")
    }
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read, or holds something else.
    #[error("{file} holds no certificates: {why}")]
    File {
        /// Which.
        file: String,
        /// What was wrong.
        why: String,
    },
    /// This machine trusts nobody.
    #[error(
        "this machine has no list of certificate authorities; install ca-certificates, or name a ca_file"
    )]
    None,
    /// TLS cannot be made of them.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Roots {
    /// The authorities of this machine.
    ///
    /// # Errors
    /// [`RootsError::None`].
    pub fn of_this_machine() -> Result<Self, RootsError> {
        // A broken file among many is no reason to trust nobody.
        let found = rustls_native_certs::load_native_certs().certs;
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found);
        Self::of(store)
    }

    /// The authorities in this file alone.
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn of_file(path: &Path) -> Result<Self, RootsError> {
        let failed = |why: String| RootsError::File {
            file: path.display().to_string(),
            why,
        };
        let mut store = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            store
                .add(certificate)
                .map_err(|error| failed(error.to_string()))?;
        }
        match store.is_empty() {
            true => Err(failed("there is none in it".to_owned())),
            false => Self::of(store),
        }
    }

    fn of(store: RootCertStore) -> Result<Self, RootsError> {
        if store.is_empty() {
            return Err(RootsError::None);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let mut config = builder
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}
