//! TLS as browsers and API clients see it.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use serde::{Deserialize, Serialize};
use watchroom_kit::Clock;

use crate::{ClientCa, PanelCertificate, provider};

/// The oldest version of TLS that the panel speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OldestTls {
    /// TLS 1.3 alone (RFC 8446).
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
    /// TLS 1.2 too, with ECDHE and authenticated ciphers only (RFC 9325).
    #[serde(rename = "1.2")]
    Tls12,
}

/// The panel's side of TLS: HTTP/2 or HTTP/1.1, no early data, and nothing kept of a session, so that a stolen ticket key
/// opens nothing. A client certificate is asked for only if there are authorities to judge it by.
///
/// # Errors
/// If the library refuses its own suites, which would be a fault of this build.
pub fn panel_server_config(
    panel: &PanelCertificate,
    oldest: OldestTls,
    clock: &Clock,
    client_ca: Option<&ClientCa>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let versions: &[&'static SupportedProtocolVersion] = match oldest {
        OldestTls::Tls13 => &[&TLS13],
        OldestTls::Tls12 => &[&TLS13, &TLS12],
    };
    let verifier = client_ca.map_or_else(WebPkiClientVerifier::no_client_auth, ClientCa::asking);
    let mut config = ServerConfig::builder_with_details(provider::provider(), provider::time_of(clock))
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(panel.resolver());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Our order of suites counts, not the client's.
    config.ignore_client_order = true;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}
