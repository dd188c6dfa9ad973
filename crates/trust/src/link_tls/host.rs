//! The Host's end: it shows each node a leaf of a CA which that node trusts, and takes leaves of all of them.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig};
use rustls::{Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use watchroom_kit::Ambient;

use super::LinkTlsError;
use crate::generations::Generations;
use crate::rolling::{Made, Rolling};
use crate::{ClusterCa, LINK_ALPN, chain, peer, provider};

/// The Host's side of the link: a client certificate of this cluster is mandatory. One that has expired gets
/// through the handshake, so that the node can be told and, if it may, renew: see [`crate::Peer::expired_at`].
/// The Host's own leaves are made anew in memory when two thirds of their life are over or the CA has
/// changed, so that nothing has to watch them.
///
/// # Errors
/// [`LinkTlsError`].
pub fn link_server_config(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Arc<ServerConfig>, LinkTlsError> {
    let end = Arc::new(HostEnd::new(ca, ambient)?);
    let verifier = Arc::clone(&end);
    shown(end, verifier, LINK_ALPN, ambient)
}

/// TLS 1.3 by which a Host shows itself to nodes, and lets `verifier` judge what they show. Nothing is kept of a session.
///
/// # Errors
/// [`LinkTlsError`].
pub(crate) fn shown(
    end: Arc<HostEnd>,
    verifier: Arc<dyn ClientCertVerifier>,
    alpn: &[u8],
    ambient: &Ambient,
) -> Result<Arc<ServerConfig>, LinkTlsError> {
    let mut config =
        ServerConfig::builder_with_details(provider::provider(), provider::time_of(&ambient.clock))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(end);
    config.alpn_protocols = vec![alpn.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A leaf by each CA, under that CA's name; the one that signs comes first.
type Leaves = Vec<(DistinguishedName, Arc<CertifiedKey>)>;

/// What a Host shows and whom it takes. Whom it takes is looked up anew each time and needs no key, so that a CA that has
/// retired is trusted no longer whatever becomes of the leaves.
pub(crate) struct HostEnd {
    ca: Arc<ClusterCa>,
    leaves: Arc<Rolling<Leaves, LinkTlsError>>,
}

impl std::fmt::Debug for HostEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostEnd(..)")
    }
}

impl HostEnd {
    pub(crate) fn new(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Self, LinkTlsError> {
        let leaves = Arc::new(Rolling::new(Arc::clone(&ca), ambient, make)?);
        Ok(Self { ca, leaves })
    }

    fn nodes(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.ca.generations().nodes)
    }
}

fn make(ca: &ClusterCa, generations: &Generations, ambient: &Ambient) -> Result<Made<Leaves>, LinkTlsError> {
    let (made, is_whole) = generations.by_each(|authority| {
        let mut alone = RootCertStore::empty();
        alone.add(authority.certificate().clone())?;
        let name = alone.subjects().pop().ok_or(LinkTlsError::NotAClusterCa)?;
        let leaf = ca.issue_for_host(authority, ca.cluster_id().host_name(), ambient)?;
        Ok::<_, LinkTlsError>((leaf.not_after(), (name, Arc::new(leaf.certified()?))))
    })?;
    let ends_at = made.iter().map(|(not_after, _)| *not_after).min();
    Ok(Made {
        value: made.into_iter().map(|(_, leaf)| leaf).collect(),
        ends_at: ends_at.unwrap_or_else(|| ambient.now()),
        is_whole,
    })
}

impl ResolvesServerCert for HostEnd {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A node is the one to refuse a leaf that has ended, and says so.
        let leaves = self.leaves.at_hand();
        let trusted = hello.certificate_authorities().unwrap_or_default();
        let is_trusted = |ca: &DistinguishedName| trusted.iter().any(|name| name.as_ref() == ca.as_ref());
        let known = leaves.iter().find(|(ca, _)| is_trusted(ca));
        // A node that trusts none of them is shown the present one, so that it can name the difference.
        known.or(leaves.first()).map(|(_, leaf)| Arc::clone(leaf))
    }
}

impl ClientCertVerifier for HostEnd {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A node has one certificate: there is nothing for it to choose.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        chain::check(end_entity, intermediates)?;
        let nodes = self.nodes();
        let verify = |at| nodes.verify_client_cert(end_entity, intermediates, at);
        match verify(now) {
            Err(Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => {
                let last = peer::not_after(end_entity)
                    .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
                verify(last)
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.nodes().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.nodes().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.nodes().supported_verify_schemes()
    }
}
