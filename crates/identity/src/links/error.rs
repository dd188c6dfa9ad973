//! Why a link was not made, or opened nothing.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_mail::SealError;
use watchroom_policy::Refusal;
use watchroom_store::StoreError;

use crate::hashing::HashError;

/// Why a link was not made, or opened nothing.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It never was, is used, or is too old.
    #[error("the link is not one that holds")]
    Over,
    /// There is no such account.
    #[error("no such account")]
    Unknown,
    /// It would give more than whoever makes it holds.
    #[error("the link would give more than whoever makes it holds")]
    MoreThanOwn,
    /// There is no such role.
    #[error("there is no role {0:?}")]
    Role(String),
    /// The name belongs to somebody, in whatever case.
    #[error("the user name is taken")]
    NameTaken,
    /// The password breaks these rules.
    #[error("the password breaks {} rules", .0.len())]
    Password(Vec<FieldFault>),
    /// It can only go by mail, and none is sent.
    #[error("a link by mail was asked for, and no mail is sent")]
    NoMail,
    /// Nobody signs in by links here.
    #[error("signing in by links is off")]
    Off,
    /// The address was sent too many.
    #[error("too many links were asked for; again in {retry_after_s} s")]
    TooMany {
        /// Seconds until the next.
        retry_after_s: u64,
    },
    /// It was asked for in another browser, and the code which that one shows was not typed, or wrong.
    #[error("the link is used in another browser than asked for it")]
    OtherBrowser {
        /// Whether a code was typed.
        is_wrong: bool,
    },
    /// The password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashError),
    /// The letter could not be sealed.
    #[error("a letter could not be sealed: {0}")]
    Sealed(#[from] SealError),
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "user_name_key",
            } => Self::NameTaken,
            other => Self::Store(other),
        }
    }
}

impl LinkError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Hashing(error) => Some(error),
            Self::Forbidden(refusal) => Some(refusal.as_ref()),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl Fault for LinkError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Over => FaultKind::Gone,
            Self::Unknown | Self::Off => FaultKind::NotFound,
            Self::MoreThanOwn | Self::OtherBrowser { .. } => FaultKind::Forbidden,
            Self::TooMany { .. } => FaultKind::Limited,
            Self::Role(_) | Self::Password(_) => FaultKind::Invalid,
            Self::NameTaken | Self::NoMail => FaultKind::Conflict,
            _ => self.inner().map_or(FaultKind::Internal, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Over => "link-over",
            Self::Unknown | Self::Off => "not-found",
            Self::TooMany { .. } => "too-many-links",
            Self::OtherBrowser { .. } => "link-other-browser",
            Self::MoreThanOwn => "more-than-own",
            Self::Role(_) | Self::Password(_) => "invalid-input",
            Self::NameTaken => "name-taken",
            Self::NoMail => "mail-off",
            Self::Sealed(_) => "sealed-secret",
            _ => self.inner().map_or("internal", Fault::slug),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Over => "this link was used, is too old, or never was; ask for a new one".to_owned(),
            Self::Unknown => "there is no such account".to_owned(),
            Self::MoreThanOwn => "this gives more than you hold; ask an administrator".to_owned(),
            Self::Role(_) => "there is no such role; `watchroom role list` shows them".to_owned(),
            Self::NameTaken => "there is an account of that name already; choose another name".to_owned(),
            Self::Off => "nobody signs in by links here".to_owned(),
            Self::TooMany { retry_after_s } => format!(
                "too many links were asked for; try again in {} minutes",
                retry_after_s.div_ceil(60)
            ),
            Self::OtherBrowser { is_wrong: false } => {
                "this is not the browser that asked for the link; type the code that the other one shows".to_owned()
            }
            Self::OtherBrowser { is_wrong: true } => {
                "this is not the code that the other browser shows; after five wrong ones the link is over".to_owned()
            }
            Self::Password(_) => "the password is not strong enough".to_owned(),
            Self::NoMail => "no mail is sent from here, and an address is confirmed by mail; ask an administrator to set it".to_owned(),
            _ => self.inner().map_or_else(
                || "something went wrong on our side; the log has the detail".to_owned(),
                Fault::public,
            ),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NameTaken => vec![FieldFault::new("username", "taken", self.public())],
            Self::Role(_) => vec![FieldFault::new("role", "unknown", self.public())],
            Self::Password(faults) => faults.clone(),
            _ => Vec::new(),
        }
    }

    fn members(&self) -> Vec<(&'static str, serde_json::Value)> {
        self.inner().map(Fault::members).unwrap_or_default()
    }

    fn retry_after_s(&self) -> Option<u64> {
        if let Self::TooMany { retry_after_s } = self {
            return Some(*retry_after_s);
        }
        self.inner().and_then(Fault::retry_after_s)
    }
}
