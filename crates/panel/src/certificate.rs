//! The port by which the page *Security* learns what certificate browsers meet.

use std::fmt::Debug;

use time::OffsetDateTime;

/// Knows the certificate that the panel is served with.
pub trait Certificates: Debug + Send + Sync {
    /// What is served now.
    fn served(&self) -> ServedCertificate;
}

/// The certificate that browsers meet.
#[derive(Clone, Debug)]
pub struct ServedCertificate {
    /// The SHA-256 of its DER form, as pairs of hexadecimal digits with colons.
    pub fingerprint: String,
    /// What it says; none while its file holds another one, or none that can be read.
    pub says: Option<CertificateText>,
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub struct CertificateText {
    /// Who signed it, as a distinguished name.
    pub issuer: String,
    /// Whether Watchroom made it; else it was given.
    pub is_ours: bool,
    /// The names and addresses it covers.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: OffsetDateTime,
    /// Until when it is valid.
    pub not_after: OffsetDateTime,
    /// What is wrong with it, as clauses.
    pub problems: Vec<String>,
}
