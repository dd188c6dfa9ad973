//! The node's end: it trusts the CAs of its cluster alone, and says in its hello which they are.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, OtherError};
use rustls::{RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use watchroom_kit::Clock;

use super::LinkTlsError;
use crate::{ClusterId, Fingerprint, LINK_ALPN, Leaf, chain, provider};

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

/// The node's side of the link. Cloning shares leaf and trust, which can be renewed for all dials to come.
#[derive(Clone)]
pub struct LinkClient {
    cluster: ClusterId,
    server_name: ServerName<'static>,
    clock: Clock,
    leaf: Arc<NodeLeaf>,
    trust: Arc<ArcSwap<Trust>>,
}

/// Whom the node believes, and TLS made of it.
struct Trust {
    anchors: Vec<CertificateDer<'static>>,
    config: Arc<ClientConfig>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl std::fmt::Debug for LinkClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkClient")
            .field("cluster", &self.cluster)
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

impl LinkClient {
    /// Trusts `ca` alone, expects the fixed name of its cluster's Hosts, and proves itself with `leaf`.
    ///
    /// # Errors
    /// [`LinkTlsError`].
    pub fn new(ca: &CertificateDer<'static>, leaf: &Leaf, clock: &Clock) -> Result<Self, LinkTlsError> {
        let cluster = ClusterId::stated_by(ca).ok_or(LinkTlsError::NotAClusterCa)?;
        let server_name = cluster.server_name().ok_or(LinkTlsError::NotAClusterCa)?;
        let leaf = Arc::new(NodeLeaf(ArcSwap::from_pointee(HeldLeaf::new(leaf)?)));
        let trust = Trust::of(cluster, std::slice::from_ref(ca), &leaf, clock)?;
        Ok(Self {
            cluster,
            server_name,
            clock: clock.clone(),
            leaf,
            trust: Arc::new(ArcSwap::from_pointee(trust)),
        })
    }

    /// The same as it is now, which what is renewed here does not touch.
    #[must_use]
    pub fn apart(&self) -> Self {
        let leaf = Arc::new(NodeLeaf(ArcSwap::new(self.leaf.0.load_full())));
        Self {
            leaf,
            trust: Arc::new(ArcSwap::new(self.trust.load_full())),
            ..self.clone()
        }
    }

    /// Proves itself with another leaf from the next dial on; a link that is up stays so.
    ///
    /// # Errors
    /// If the leaf does not fit its key.
    pub fn renew(&self, leaf: &Leaf) -> Result<(), LinkTlsError> {
        self.leaf.0.store(Arc::new(HeldLeaf::new(leaf)?));
        Ok(())
    }

    /// Trusts these CAs of the cluster and no others from the next dial on.
    ///
    /// # Errors
    /// [`LinkTlsError`]; nothing is then changed.
    pub fn trust(&self, anchors: &[CertificateDer<'static>]) -> Result<(), LinkTlsError> {
        let trust = Trust::of(self.cluster, anchors, &self.leaf, &self.clock)?;
        self.trust.store(Arc::new(trust));
        Ok(())
    }

    /// The CAs that it trusts.
    #[must_use]
    pub fn anchors(&self) -> Vec<CertificateDer<'static>> {
        self.trust.load().anchors.clone()
    }

    /// For the TLS connector.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.trust.load().config)
    }

    /// The fixed name that the Host's leaf must carry, whatever address was dialled.
    #[must_use]
    pub fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }

    /// Whether the present leaf is by the CA that signs now, the first of those that it trusts.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        let trust = self.trust.load();
        let signing = trust.anchors.first().map(|ca| Fingerprint::of(ca));
        self.leaf.0.load().issuer == signing
    }

    /// When the present leaf is to be renewed: two thirds of its life are over then.
    #[must_use]
    pub fn renew_at(&self) -> OffsetDateTime {
        let leaf = self.leaf.0.load();
        leaf.not_before + (leaf.not_after - leaf.not_before) * 2 / 3
    }

    /// Until when the present leaf is valid.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.leaf.0.load().not_after
    }

    /// The cluster it belongs to.
    #[must_use]
    pub const fn cluster_id(&self) -> ClusterId {
        self.cluster
    }

    pub(crate) fn verifier(&self) -> Arc<WebPkiServerVerifier> {
        Arc::clone(&self.trust.load().verifier)
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Trust {
    fn of(
        cluster: ClusterId,
        anchors: &[CertificateDer<'static>],
        leaf: &Arc<NodeLeaf>,
        clock: &Clock,
    ) -> Result<Self, LinkTlsError> {
        let mut roots = RootCertStore::empty();
        for anchor in anchors {
            match ClusterId::stated_by(anchor) {
                Some(stated) if stated == cluster => roots.add(anchor.clone())?,
                Some(_) => return Err(LinkTlsError::AnotherCluster),
                None => return Err(LinkTlsError::NotAClusterCa),
            }
        }
        let names = roots.subjects();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider::provider()).build()?;
        let pinned = Arc::new(PinnedHost {
            pins: anchors.iter().map(|anchor| Fingerprint::of(anchor)).collect(),
            names,
            inner: Arc::clone(&verifier),
        });
        let mut config = ClientConfig::builder_with_details(provider::provider(), provider::time_of(clock))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(pinned)
            .with_client_cert_resolver(Arc::clone(leaf) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = vec![LINK_ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self {
            anchors: anchors.to_vec(),
            config: Arc::new(config),
            verifier,
        })
    }
}

#[derive(Debug)]
struct HeldLeaf {
    certified: Arc<CertifiedKey>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    issuer: Option<Fingerprint>,
}

impl HeldLeaf {
    fn new(leaf: &Leaf) -> Result<Self, rustls::Error> {
        Ok(Self {
            certified: Arc::new(leaf.certified()?),
            not_before: leaf.not_before().unwrap_or(leaf.not_after()),
            not_after: leaf.not_after(),
            issuer: leaf.chain().last().map(|ca| Fingerprint::of(ca)),
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

/// The usual verification against the cluster's CAs, which besides names the case that people meet most: the
/// Host was set up anew, or the address leads to another cluster.
#[derive(Debug)]
struct PinnedHost {
    pins: Vec<Fingerprint>,
    names: Vec<DistinguishedName>,
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for PinnedHost {
    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        Some(&self.names)
    }

    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        chain::check(end_entity, intermediates)?;
        let verified =
            self.inner
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| {
            let shown = intermediates
                .last()
                .filter(|ca| ClusterId::stated_by(ca).is_some());
            match (shown.map(|ca| Fingerprint::of(ca)), self.pins.first()) {
                (Some(found), Some(expected)) if !self.pins.contains(&found) => {
                    let expected = *expected;
                    CertificateError::Other(OtherError(Arc::new(PinDiffers { expected, found }))).into()
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
