//! Who is at the other end of a link: what the Host reads from a certificate that TLS has verified.

use rustls::CertificateError;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use uuid::Uuid;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use crate::{ClusterCa, ClusterId, Fingerprint, chain, report};

/// Why the other end is no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// It showed no certificate.
    #[error("the other end showed no certificate; it is not a node of this cluster")]
    NoCertificate,
    /// Its certificate is by no CA that this cluster trusts.
    #[error(
        "the certificate is of another cluster, or by a CA that has retired; join this machine to the cluster again"
    )]
    AnotherCluster,
    /// Its certificate is not one to dial with.
    #[error(
        "the certificate is a Host's, not a node's; show the one that this machine was given when it joined"
    )]
    NotANodes,
    /// Its certificate cannot be verified for another reason.
    #[error("the certificate cannot be verified ({0}); join this machine to the cluster again")]
    Unverified(String),
    /// Its certificate names no node, or more than one.
    #[error("the certificate of the other end names no node; join this machine to the cluster again")]
    NamesNoNode,
}

/// A node as its certificate proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which node.
    pub node: Uuid,
    /// The fingerprint of its public key (SubjectPublicKeyInfo in DER).
    pub key: Fingerprint,
    /// When its certificate expired, if it has. Then it may do nothing but renew it.
    pub expired_at: Option<OffsetDateTime>,
    /// Whether its certificate is by the CA that signs now, and not by one that retires.
    pub has_moved: bool,
}

impl ClusterCa {
    /// The node behind a client certificate that nobody has verified yet, except that its key is the other end's: see
    /// [`crate::node_server_config`]. An expired one is verified as of when it expired.
    ///
    /// # Errors
    /// [`PeerError`], which names what is wrong with it.
    pub fn prove(&self, certificates: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<Peer, PeerError> {
        let (leaf, others) = certificates.split_first().ok_or(PeerError::NoCertificate)?;
        chain::check(leaf, others).map_err(|error| PeerError::Unverified(error.to_string()))?;
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let now_unix = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let at = not_after(leaf).map_or(now_unix, |end| if end < now_unix { end } else { now_unix });
        match self.generations().nodes.verify_client_cert(leaf, others, at) {
            Ok(_) => self.peer(certificates, now),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => Err(PeerError::AnotherCluster),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            )) => Err(PeerError::NotANodes),
            Err(error) => Err(PeerError::Unverified(error.to_string())),
        }
    }

    /// The node behind a client certificate. The chain itself was verified by TLS against this CA: see
    /// [`crate::link_server_config`].
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn peer(&self, certificates: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<Peer, PeerError> {
        let leaf = certificates.first().ok_or(PeerError::NoCertificate)?;
        let parsed = parse(leaf).ok_or(PeerError::NamesNoNode)?;
        let names = report::alternative_names(leaf).map_err(|_| PeerError::NamesNoNode)?;
        let node = match names.as_slice() {
            [GeneralName::URI(uri)] => node_of(uri, self.cluster_id()),
            _ => None,
        };
        let not_after = OffsetDateTime::from_unix_timestamp(parsed.validity().not_after.timestamp())
            .map_err(|_| PeerError::NamesNoNode)?;
        let signing = self.certificate();
        let signs = parse(&signing).is_some_and(|ca| ca.subject().as_raw() == parsed.issuer().as_raw());
        Ok(Peer {
            node: node.ok_or(PeerError::NamesNoNode)?,
            key: Fingerprint::of(parsed.public_key().raw),
            expired_at: (not_after < now).then_some(not_after),
            has_moved: signs,
        })
    }
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    x509_parser::parse_x509_certificate(der)
        .ok()
        .map(|(_, parsed)| parsed)
}

/// The last moment at which a certificate is valid.
pub(crate) fn not_after(der: &[u8]) -> Option<UnixTime> {
    let seconds = u64::try_from(parse(der)?.validity().not_after.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        seconds,
    )))
}

/// The first moment at which a certificate is valid.
pub(crate) fn not_before(der: &[u8]) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(parse(der)?.validity().not_before.timestamp()).ok()
}

fn node_of(uri: &str, cluster: ClusterId) -> Option<Uuid> {
    let (stated, node) = uri.strip_prefix("watchroom://")?.split_once("/node/")?;
    (stated.parse() == Ok(cluster)).then_some(())?;
    Uuid::try_parse(node).ok()
}
