//! Client certificates of people, for kinds of routes that want one.
//!
//! The edge knows for which kinds one is wanted; what a good one is, the application judges.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::RouteClass;

/// What a client lacks that asks for a route which wants a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lacks {
    /// It has shown none.
    Certificate,
    /// Another authority has signed it.
    Authority,
    /// It has expired, or its authority has.
    Time,
    /// It holds only later.
    Start,
    /// It was made for something else.
    Purpose,
    /// It cannot be used for another reason.
    Form,
    /// A proxy stands between us: what it shows is its own.
    Directness,
    /// There is nothing here to judge it by.
    Judge,
}

impl Lacks {
    /// What is missing and what to do, for a person outside.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Certificate => {
                "this wants a client certificate, and none was shown; install the one you were given, and connect anew"
            }
            Self::Authority => {
                "this wants a client certificate, and the one that was shown is signed by another authority; choose the one you were given for this Watchroom"
            }
            Self::Time => {
                "the client certificate that was shown, or the authority that signed it, has expired; ask for a new one"
            }
            Self::Start => {
                "the client certificate that was shown is not valid yet; look at the clock of this machine"
            }
            Self::Purpose => {
                "the certificate that was shown was not made for clients; choose the one you were given for this Watchroom"
            }
            Self::Form => "the client certificate that was shown cannot be used; ask for a new one",
            Self::Directness => {
                "this wants a client certificate, and a proxy in between cannot show yours; connect to the Host itself"
            }
            Self::Judge => {
                "this wants a client certificate, and none can be checked here now; ask whoever runs this Watchroom"
            }
        }
    }
}

/// Judges the certificates that people show.
pub trait JudgeCertificates: fmt::Debug + Send + Sync + 'static {
    /// Whether these, the client's own first, are good now. That the client has the key of the first is proven.
    ///
    /// # Errors
    /// What the client [`Lacks`].
    fn judge(&self, shown: &[CertificateDer<'static>]) -> Result<(), Lacks>;
}

/// For which kinds of routes a certificate is wanted, and who judges it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) classes: Vec<RouteClass>,
    pub(crate) judge: Arc<dyn JudgeCertificates>,
}

/// The certificates that somebody at the application's own door has shown, their own first; in the extensions of each of
/// their requests. Nothing but possession of the key is proven of them.
#[derive(Clone, Debug)]
pub(crate) struct PersonsCertificates(pub(crate) Arc<[CertificateDer<'static>]>);
