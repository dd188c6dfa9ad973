//! Why mail cannot be sent from here, or a letter was not taken.

use std::path::PathBuf;

use watchroom_kit::{Fault, FaultKind};
use watchroom_store::StoreError;

use crate::SealError;

/// Why mail cannot be sent from here at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file that the configuration names cannot be used.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why, with the next step.
        why: String,
    },
    /// The settings of TLS do not fit together.
    #[error("mail.ca_file cannot be used: {0}")]
    Tls(String),
}

/// Why a letter was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No server is configured.
    #[error("no mail server is configured")]
    Off,
    /// The server is away, does not speak TLS as it must, or does not let us in: no letter would be taken.
    #[error("the mail server cannot be used: {0}")]
    Server(String),
    /// The server did not answer in time.
    #[error("the mail server did not answer in time")]
    Silent,
    /// It does not take this letter now.
    #[error("the mail server does not take it now: {0}")]
    Later(String),
    /// It does not take this letter at all.
    #[error("the mail server refused it: {0}")]
    Refused(String),
    /// What waits does not open any more.
    #[error("a waiting letter does not open: {0}")]
    Sealed(#[from] SealError),
    /// The letter cannot be written down as one.
    #[error("a letter could not be made: {0}")]
    Unfit(String),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SendError {
    /// Whether another letter would not be taken either.
    pub(crate) const fn is_of_server(&self) -> bool {
        matches!(self, Self::Off | Self::Server(_) | Self::Silent | Self::Store(_))
    }

    /// Whether trying this letter again is of no use.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Sealed(_) | Self::Unfit(_))
    }
}

impl Fault for SendError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Off | Self::Refused(_) => FaultKind::Conflict,
            Self::Server(_) | Self::Later(_) => FaultKind::Unavailable,
            Self::Silent => FaultKind::Timeout,
            Self::Sealed(_) | Self::Unfit(_) => FaultKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Off => "mail-off",
            Self::Store(error) => error.slug(),
            Self::Sealed(_) => "sealed-secret",
            Self::Unfit(_) => "internal",
            Self::Server(_) | Self::Silent | Self::Later(_) | Self::Refused(_) => "mail-not-taken",
        }
    }

    /// Whoever may test the mail may see the configuration, and reads what the server said.
    fn public(&self) -> String {
        match self {
            Self::Off => "no mail is sent from here; set mail.server and mail.from".to_owned(),
            Self::Silent => {
                "the mail server did not answer in time; check mail.server, mail.port and mail.protection"
                    .to_owned()
            }
            Self::Store(error) => error.public(),
            Self::Sealed(_) | Self::Unfit(_) => {
                "something went wrong on our side; the log has the detail".to_owned()
            }
            other => other.to_string(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
