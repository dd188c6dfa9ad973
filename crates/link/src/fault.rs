//! Why there is no link, by name and with the next step: the same table on both ends.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};
use serde::{Deserialize, Serialize};
use watchroom_kit::{Fault, FaultKind};
use watchroom_trust::{Fingerprint, PinDiffers};

/// Why a node and its Host are not linked. It travels to the node in the first frame where TLS cannot say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum ConnectFault {
    /// DNS knows no such name.
    #[error("the name {host} of the Host was not found; check it, or the machine's name servers")]
    NameNotFound {
        /// The name.
        host: String,
    },
    /// Nothing listens there, or the way there is barred.
    #[error(
        "{address} does not take the connection ({why}); check that the Host runs and that no firewall bars the way"
    )]
    NotReachable {
        /// Name and port.
        address: String,
        /// What the system said.
        why: String,
    },
    /// No answer in time.
    #[error(
        "{address} did not answer within {after_s} s; check the address and that no firewall drops the way"
    )]
    TimedOut {
        /// Name and port.
        address: String,
        /// How long it was waited, in seconds.
        after_s: u64,
    },
    /// What answers is no Host.
    #[error(
        "{address} answers, but not as a Watchroom Host; check name and port, and that no proxy ends TLS before it"
    )]
    NotAHost {
        /// Name and port.
        address: String,
    },
    /// The other end does not know or trust the certificate.
    #[error("the certificate is not known to this cluster ({why}); join the node to the cluster again")]
    CertificateUnknown {
        /// What TLS said.
        why: String,
    },
    /// A certificate is over.
    #[error(
        "the certificate has expired; check the clocks of both machines, then renew it or join the node again"
    )]
    CertificateExpired,
    /// The Host is of another cluster.
    #[error(
        "the Host's CA is {found}, this node trusts {expected}; check the address, or join the node to the new Host"
    )]
    PinDiffers {
        /// What the node trusts.
        expected: Fingerprint,
        /// What it found.
        found: Fingerprint,
    },
    /// The two clocks are too far apart.
    #[error("the node's clock is off by {seconds} s against the Host's; set both by NTP")]
    ClockSkewed {
        /// How far the node is ahead; negative if it is behind.
        seconds: i64,
    },
    /// Nobody has approved the node yet.
    #[error("the node is not approved; approve it on the Host under pending requests")]
    NotApproved,
    /// The node was revoked.
    #[error("the node was revoked; to bring it back, make a replace join URL on the Host")]
    Revoked,
    /// A lock stops the node.
    #[error("the node is locked ({why}); lift the lock on the Host")]
    Locked {
        /// Whose lock, and why.
        why: String,
    },
    /// The ends are more than one minor version apart.
    #[error(
        "the node has version {node}, the Host {host}, and only one minor version may lie between; upgrade the older"
    )]
    VersionTooOld {
        /// The node's.
        node: String,
        /// The Host's.
        host: String,
    },
    /// Two machines were seen with this node's key.
    #[error(
        "the node is fenced ({why}); end the copy, then let the node back in on the Host with `watchroom cluster unfence`"
    )]
    Fenced {
        /// What was seen.
        why: String,
    },
    /// A newer link of the same agent came first.
    #[error(
        "link {epoch} of this agent is not newer than {newest}, which the Host has seen; it is dialled anew"
    )]
    Superseded {
        /// What the node brought.
        epoch: u64,
        /// What the Host has seen.
        newest: u64,
    },
    /// A newer link of the same node took over.
    #[error("a newer link of this node took over")]
    Displaced,
    /// The certificate had expired and was made anew: the next dial brings it.
    #[error("the certificate was renewed; the link is dialled anew with it")]
    Renewed,
    /// Two addresses lead to one Host, and it has a link already.
    #[error("this address leads to the same Host as {other}, which has the link; take one of the two out")]
    SameHost {
        /// The other address.
        other: String,
    },
    /// It was there and is gone.
    #[error("the link was lost ({why}); it is dialled again by itself")]
    Lost {
        /// How it ended.
        why: String,
    },
    /// Something that a newer Host knows and this version does not.
    #[error("{why}")]
    Other {
        /// The newer version's name for it.
        name: String,
        /// Its sentence.
        why: String,
    },
}

impl ConnectFault {
    /// The fault behind an error of a TLS handshake, on either end.
    #[must_use]
    pub fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(refusal) => Self::from_certificate(refusal),
            rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => Self::CertificateExpired,
            rustls::Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateRequired
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied,
            )
            | rustls::Error::NoCertificatesPresented => Self::CertificateUnknown {
                why: error.to_string(),
            },
            other => Self::Lost {
                why: other.to_string(),
            },
        }
    }

    fn from_certificate(refusal: &CertificateError) -> Self {
        match refusal {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::CertificateExpired,
            CertificateError::NotValidYetContext { time, not_before } => {
                let behind = not_before.as_secs().saturating_sub(time.as_secs());
                Self::ClockSkewed {
                    seconds: i64::try_from(behind).map_or(i64::MIN, |behind| -behind),
                }
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<PinDiffers>() {
                Some(PinDiffers { expected, found }) => Self::PinDiffers {
                    expected: *expected,
                    found: *found,
                },
                None => Self::CertificateUnknown {
                    why: refusal.to_string(),
                },
            },
            other => Self::CertificateUnknown {
                why: other.to_string(),
            },
        }
    }

    /// The fault behind an error of a stream to `address`: what TLS said, or what the system said.
    #[must_use]
    pub fn from_io(error: &io::Error, address: &str) -> Self {
        if let Some(tls) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return match tls {
                rustls::Error::NoApplicationProtocol
                | rustls::Error::InvalidMessage(_)
                | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Self::NotAHost {
                    address: address.to_owned(),
                },
                tls => Self::from_tls(tls),
            };
        }
        Self::Lost {
            why: error.to_string(),
        }
    }

    /// The fault behind the end of an HTTP/2 connection on the node.
    pub(crate) fn from_connection(end: Result<(), hyper::Error>) -> Self {
        match end {
            Ok(()) => Self::closed(),
            Err(error) if error.is_timeout() => Self::silent(),
            Err(error) => Self::Lost {
                why: error
                    .source()
                    .map_or_else(|| error.to_string(), ToString::to_string),
            },
        }
    }

    /// The same on the Host.
    pub(crate) fn from_http2(error: &h2::Error) -> Self {
        Self::Lost {
            why: error.to_string(),
        }
    }

    pub(crate) fn closed() -> Self {
        Self::Lost {
            why: "the other end closed it".to_owned(),
        }
    }

    pub(crate) fn silent() -> Self {
        Self::Lost {
            why: "no answer to keep-alive".to_owned(),
        }
    }
}

impl Fault for ConnectFault {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Locked { .. } | Self::Fenced { .. } => FaultKind::Locked,
            Self::NotApproved | Self::Revoked => FaultKind::Forbidden,
            Self::Superseded { .. } | Self::Displaced | Self::SameHost { .. } => FaultKind::Conflict,
            Self::TimedOut { .. } => FaultKind::Timeout,
            _ => FaultKind::Unavailable,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NameNotFound { .. } => "host-name-not-found",
            Self::NotReachable { .. } => "host-refused",
            Self::TimedOut { .. } => "host-timed-out",
            Self::NotAHost { .. } => "not-a-host",
            Self::CertificateUnknown { .. } => "certificate-unknown",
            Self::CertificateExpired => "certificate-expired",
            Self::PinDiffers { .. } => "pin-differs",
            Self::ClockSkewed { .. } => "clock-skewed",
            Self::NotApproved => "node-not-approved",
            Self::Revoked => "node-revoked",
            Self::Locked { .. } => "node-locked",
            Self::VersionTooOld { .. } => "version-too-old",
            Self::Fenced { .. } => "node-fenced",
            Self::Superseded { .. } => "link-superseded",
            Self::Displaced => "link-displaced",
            Self::Renewed => "certificate-renewed",
            Self::SameHost { .. } => "same-host",
            Self::Lost { .. } => "link-lost",
            Self::Other { .. } => "link-refused",
        }
    }

    fn public(&self) -> String {
        self.to_string()
    }
}
