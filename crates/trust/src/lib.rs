//! Keys and certificates: cluster CA, panel certificate, TLS configurations and fingerprints.
//!
//! Two authorities that know nothing of each other: the *cluster CA* signs both ends of the link and is
//! the only thing a node trusts; the *panel CA* signs the certificate that browsers see and may be
//! exported to them. Every TLS configuration of the house is made here, with aws-lc-rs named explicitly
//! and with the time of [`watchroom_kit::Clock`]. Who may connect is decided elsewhere: a configuration
//! from here proves which key speaks, nothing more.

mod authority;
mod chain;
mod client_ca;
mod cluster_ca;
mod cluster_id;
mod fingerprint;
mod generations;
mod join_tls;
mod keyfile;
mod link_tls;
mod names;
mod node_key;
mod node_request;
mod node_tls;
mod orders;
mod own_key;
mod panel;
mod panel_tls;
mod peer;
mod provider;
mod report;
mod rolling;
mod sealed;
mod security_module;
mod succession;
mod vault;
mod words;

pub use client_ca::{ClientCa, ClientCaError, ClientCaReport, ClientCaSeen, Unproven};
pub use cluster_ca::{ClusterCa, IssueError, Issued, RotateError};
pub use cluster_id::ClusterId;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use generations::CaKeys;
pub use join_tls::{JoinClient, join_server_config, shown_ca};
pub use keyfile::KeyFileError;
pub use link_tls::{LinkClient, LinkTlsError, PinDiffers, link_server_config};
pub use names::LocalNames;
pub use node_key::{Leaf, NodeKey};
pub use node_request::{NodeRequest, is_signed_by};
pub use node_tls::node_server_config;
pub use orders::{OrderSigner, Signed, UnprovenError};
pub use panel::{FilesSeen, PanelCertificate, PanelError, PanelKeyKind, PanelSettings, PanelVerdict};
pub use panel_tls::{OldestTls, panel_server_config};
pub use peer::{Peer, PeerError};
pub use report::{CertificateReport, Verdict};
pub use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
pub use sealed::{ClusterSecret, SealedCa, UnsealError};
pub use security_module::{ModuleError, ModuleSettings, SecurityModule};
pub use vault::{Place, Vault, VaultError};
pub use words::SixWords;

/// The ALPN name (RFC 7301) by which a node asks for the link.
pub const LINK_ALPN: &[u8] = b"watchroom-link/1";
/// The ALPN name by which a machine without a certificate asks to join.
pub const JOIN_ALPN: &[u8] = b"watchroom-join/1";
/// The clock skew that is tolerated between Host and node, in seconds: leaves are valid that long before they are made.
pub const TOLERATED_SKEW_S: i64 = 300;
