//! TLS for joining: the machine has no certificate yet, and knows the Host by the fingerprint of its CA.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore};
use rustls::{ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use watchroom_kit::{Ambient, Clock};

use crate::link_tls::HostEnd;
use crate::{ClusterCa, ClusterId, Fingerprint, JOIN_ALPN, LinkTlsError, PinDiffers, chain, provider};

/// The Host's side: it shows the same leaf as on the link and asks for no certificate.
///
/// # Errors
/// [`LinkTlsError`].
pub fn join_server_config(ca: Arc<ClusterCa>, ambient: &Ambient) -> Result<Arc<ServerConfig>, LinkTlsError> {
    let mut config =
        ServerConfig::builder_with_details(provider::provider(), provider::time_of(&ambient.clock))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(HostEnd::new(ca, ambient)?));
    config.alpn_protocols = vec![JOIN_ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The joining machine's side.
#[derive(Clone, Debug)]
pub struct JoinClient {
    config: Arc<ClientConfig>,
}

impl JoinClient {
    /// Expects a Host whose CA has this fingerprint. Without one it takes any Watchroom Host, so that its
    /// fingerprint can be shown to a person: nothing secret may be said on such a connection.
    ///
    /// # Errors
    /// If the library refuses its own suites, which would be a fault of this build.
    pub fn new(pin: Option<Fingerprint>, clock: &Clock) -> Result<Self, LinkTlsError> {
        let verifier = Arc::new(HostOfPin { pin });
        let mut config = ClientConfig::builder_with_details(provider::provider(), provider::time_of(clock))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![JOIN_ALPN.to_vec()];
        // The name is that of no machine: the Host's is not known before its certificate is seen.
        config.enable_sni = false;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// For the TLS connector.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// A name for the connector, which is neither sent nor compared.
    ///
    /// # Errors
    /// Never in fact.
    pub fn server_name(&self) -> Result<ServerName<'static>, LinkTlsError> {
        ServerName::try_from("join.watchroom.internal").map_err(|_| LinkTlsError::NotAClusterCa)
    }
}

/// The CA that a Host has shown, at the end of its chain.
#[must_use]
pub fn shown_ca(chain: &[CertificateDer<'_>]) -> Option<CertificateDer<'static>> {
    let ca = chain.last().filter(|_| chain.len() > 1)?;
    ClusterId::stated_by(ca).map(|_| ca.clone().into_owned())
}

/// Verifies the Host's leaf against the CA that it shows, and that CA against the fingerprint.
#[derive(Debug)]
struct HostOfPin {
    pin: Option<Fingerprint>,
}

impl ServerCertVerifier for HostOfPin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        chain::check(end_entity, intermediates)?;
        let unknown = || rustls::Error::from(CertificateError::UnknownIssuer);
        let ca = intermediates.last().ok_or_else(unknown)?;
        let found = Fingerprint::of(ca);
        if let Some(expected) = self.pin.filter(|pin| *pin != found) {
            let differs = PinDiffers { expected, found };
            return Err(CertificateError::Other(OtherError(Arc::new(differs))).into());
        }
        let name = ClusterId::stated_by(ca).and_then(ClusterId::server_name);
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider::provider())
            .build()
            .map_err(|_| unknown())?
            .verify_server_cert(
                end_entity,
                intermediates,
                &name.ok_or_else(unknown)?,
                ocsp_response,
                now,
            )
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("joining speaks TLS 1.3 alone".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider::provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
