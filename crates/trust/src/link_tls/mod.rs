//! TLS on the link: both ends prove themselves with leaves of one cluster CA, and trust nothing else.
//!
//! Sessions are never resumed: a resumed one would show the certificate of the day before, of a CA that may
//! be gone.

mod host;
mod node;

use rustls::server::VerifierBuilderError;

pub use self::host::link_server_config;
pub(crate) use self::host::{HostEnd, shown};
pub use self::node::{LinkClient, PinDiffers};
use crate::IssueError;

/// Why an end of the link cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkTlsError {
    /// The CA's certificate is not one of a cluster.
    #[error("the CA certificate states no cluster id; join this machine to the cluster again")]
    NotAClusterCa,
    /// The CA's certificate is of another cluster than this machine's.
    #[error(
        "the CA certificate is of another cluster than this machine's; join this machine to that cluster"
    )]
    AnotherCluster,
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
