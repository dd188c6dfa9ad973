//! TLS for nodes that speak HTTP: simple clients, which are known by the certificate they were given when they joined.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use watchroom_kit::Ambient;

use crate::link_tls::{HostEnd, shown};
use crate::{ClusterCa, LinkTlsError, chain};

/// The Host's side: it shows the same leaf as on the link, speaks HTTP/1.1, and asks for a certificate. What is shown is
/// taken if the client has its key, and nothing more is believed of it: a TLS alert could not say what is wrong with
/// it, an HTTP answer can. See [`ClusterCa::prove`].
///
/// # Errors
/// [`LinkTlsError`].
pub fn node_server_config(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Arc<ServerConfig>, LinkTlsError> {
    let end = Arc::new(HostEnd::new(ca, ambient)?);
    let verifier = Arc::new(Holder(Arc::clone(&end)));
    shown(end, verifier, b"http/1.1", ambient)
}

/// Verifies that the other end has the key of the certificate that it shows.
#[derive(Debug)]
struct Holder(Arc<HostEnd>);

impl ClientCertVerifier for Holder {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        chain::check(end_entity, intermediates)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
