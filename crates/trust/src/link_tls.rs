//! TLS on the link: both ends prove themselves with leaves of one cluster CA, and trust nothing else.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, ServerConfig,
};
use rustls::{SignatureScheme, server::VerifierBuilderError};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use watchroom_kit::{Ambient, Clock};

use crate::{ClusterCa, ClusterId, Fingerprint, IssueError, LINK_ALPN, Leaf, provider};

/// Why an end of the link cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkTlsError {
    /// The CA's certificate is not one of a cluster.
    #[error("the CA certificate states no cluster id; join this machine to the cluster again")]
    NotAClusterCa,
    /// The leaf does not fit its key, or the library refuses it.
    #[error("this machine's certificate cannot be used: {0}; join it to the cluster again")]
    Leaf(#[from] rustls::Error),
    /// The CA cannot be trusted.
    #[error("the CA certificate cannot be used: {0}; join this machine to the cluster again")]
    Verifier(#[from] VerifierBuilderError),
    /// No leaf for the Host.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

/// The Host belongs to another cluster than the one this node has joined. Found inside
/// [`CertificateError::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Host's CA is {found}, this node trusts {expected}")]
pub struct PinDiffers {
    /// The CA that this node has joined.
    pub expected: Fingerprint,
    /// The CA that the Host showed.
    pub found: Fingerprint,
}

/// The Host's side of the link: a client certificate of this cluster is mandatory. The Host's own leaf is
/// made anew in memory when two thirds of its life are over, so that nothing has to watch it.
///
/// # Errors
/// [`LinkTlsError`].
pub fn link_server_config(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Arc<ServerConfig>, LinkTlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate().clone())?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider::provider()).build()?;
    let resolver = HostLeaf::new(ca, ambient)?;
    let mut config =
        ServerConfig::builder_with_details(provider::provider(), provider::time_of(&ambient.clock))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![LINK_ALPN.to_vec()];
    Ok(Arc::new(config))
}

struct Current {
    certified: Arc<CertifiedKey>,
    renew_at: OffsetDateTime,
}

struct HostLeaf {
    ca: Arc<ClusterCa>,
    ambient: Ambient,
    current: ArcSwap<Current>,
}

impl std::fmt::Debug for HostLeaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostLeaf(..)")
    }
}

impl HostLeaf {
    fn new(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Self, LinkTlsError> {
        let current = issue(&ca, ambient)?;
        Ok(Self {
            ca,
            ambient: ambient.clone(),
            current: ArcSwap::from_pointee(current),
        })
    }
}

fn issue(ca: &ClusterCa, ambient: &Ambient) -> Result<Current, LinkTlsError> {
    let leaf = ca.issue_host_leaf(ambient)?;
    let now = ambient.now();
    let certified = Arc::new(leaf.certified()?);
    Ok(Current {
        certified,
        renew_at: now + (leaf.not_after() - now) * 2 / 3,
    })
}

impl ResolvesServerCert for HostLeaf {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        if self.ambient.now() < current.renew_at {
            return Some(Arc::clone(&current.certified));
        }
        match issue(&self.ca, &self.ambient) {
            Ok(fresh) => {
                let certified = Arc::clone(&fresh.certified);
                self.current.store(Arc::new(fresh));
                Some(certified)
            }
            // A third of its life is left in which the next hello tries again.
            Err(_) => Some(Arc::clone(&current.certified)),
        }
    }
}

/// The node's side of the link. Cloning shares the leaf, which can be renewed for all dials to come.
#[derive(Clone, Debug)]
pub struct LinkClient {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    leaf: Arc<NodeLeaf>,
}

impl LinkClient {
    /// Trusts `ca` alone, expects the fixed name of its cluster's Hosts, and proves itself with `leaf`.
    ///
    /// # Errors
    /// [`LinkTlsError`].
    pub fn new(ca: &CertificateDer<'static>, leaf: &Leaf, clock: &Clock) -> Result<Self, LinkTlsError> {
        let cluster = ClusterId::stated_by(ca).ok_or(LinkTlsError::NotAClusterCa)?;
        let server_name = cluster.server_name().ok_or(LinkTlsError::NotAClusterCa)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone())?;
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider::provider()).build()?;
        let verifier = Arc::new(PinnedHost {
            pin: Fingerprint::of(ca),
            inner,
        });
        let leaf = Arc::new(NodeLeaf(ArcSwap::from_pointee(HeldLeaf::new(leaf)?)));
        let mut config = ClientConfig::builder_with_details(provider::provider(), provider::time_of(clock))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::clone(&leaf) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = vec![LINK_ALPN.to_vec()];
        Ok(Self {
            config: Arc::new(config),
            server_name,
            leaf,
        })
    }

    /// Proves itself with another leaf from the next dial on; a link that is up stays so.
    ///
    /// # Errors
    /// If the leaf does not fit its key.
    pub fn renew(&self, leaf: &Leaf) -> Result<(), LinkTlsError> {
        self.leaf.0.store(Arc::new(HeldLeaf::new(leaf)?));
        Ok(())
    }

    /// For the TLS connector.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The fixed name that the Host's leaf must carry, whatever address was dialled.
    #[must_use]
    pub fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }

    /// Until when the present leaf is valid.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.leaf.0.load().not_after
    }
}

#[derive(Debug)]
struct HeldLeaf {
    certified: Arc<CertifiedKey>,
    not_after: OffsetDateTime,
}

impl HeldLeaf {
    fn new(leaf: &Leaf) -> Result<Self, rustls::Error> {
        Ok(Self {
            certified: Arc::new(leaf.certified()?),
            not_after: leaf.not_after(),
        })
    }
}

#[derive(Debug)]
struct NodeLeaf(ArcSwap<HeldLeaf>);

impl ResolvesClientCert for NodeLeaf {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The usual verification against one CA, which besides names the case that people meet most: the
/// Host was set up anew, or the address leads to another cluster.
#[derive(Debug)]
struct PinnedHost {
    pin: Fingerprint,
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for PinnedHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.inner
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| {
            let shown = intermediates
                .last()
                .filter(|ca| ClusterId::stated_by(ca).is_some());
            match shown.map(|ca| Fingerprint::of(ca)) {
                Some(found) if found != self.pin => {
                    let differs = PinDiffers {
                        expected: self.pin,
                        found,
                    };
                    CertificateError::Other(OtherError(Arc::new(differs))).into()
                }
                _ => error,
            }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
