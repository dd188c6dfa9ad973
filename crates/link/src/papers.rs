//! What a node proves itself with, as it is handed over and kept.

use async_trait::async_trait;
use time::OffsetDateTime;
use watchroom_kit::SecretString;
use watchroom_trust::{CertificateDer, Issued, LinkClient};

/// What a Host gives a node for its dials to come.
#[derive(Clone, Debug, Default)]
pub struct FreshPapers {
    /// Every CA that is to be trusted from now on; empty if nothing changes.
    pub anchors: Vec<CertificateDer<'static>>,
    /// A new certificate with its chain.
    pub leaf: Option<Issued>,
    /// A new cluster token, and until when it is taken.
    pub token: Option<(SecretString, OffsetDateTime)>,
}

/// Where a node has its papers. The node's agent implements it over its state folder.
#[async_trait]
pub trait Papers: Send + Sync + 'static {
    /// The node's side of TLS, as its papers are now.
    fn client(&self) -> LinkClient;

    /// A request (PKCS#10 in DER) for a new certificate of the node's own key.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn request(&self) -> Result<Vec<u8>, String>;

    /// Keeps papers, durably, with the ones before them; then uses them.
    ///
    /// # Errors
    /// Why they were not kept, for people; then those before are still in use.
    async fn keep(&self, fresh: FreshPapers) -> Result<(), String>;
}
