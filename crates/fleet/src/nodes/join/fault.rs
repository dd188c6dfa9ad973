//! Why a machine does not get in, or not yet.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::NodeName;
use watchroom_model::join::JoinStatus;
use watchroom_store::StoreError;

use crate::AuthorityError;

/// Why joining did not go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JoinError {
    /// What was sent cannot be.
    #[error("{message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// A word for programs.
        code: &'static str,
        /// What is wrong, and what is right.
        message: String,
    },
    /// The token is none of ours, or is no longer.
    #[error("the join token is {0}")]
    Token(&'static str),
    /// Without a token, and not from a network that may ask.
    #[error("this network may not ask to join without a token")]
    Network,
    /// This address has asked often enough.
    #[error("this address has asked {per_hour} times within an hour")]
    TooOften {
        /// How often it may.
        per_hour: u32,
    },
    /// Too many wait for a person.
    #[error("{most} requests wait already")]
    Full {
        /// How many may.
        most: u32,
    },
    /// There is none such, or the secret is not its own: nobody learns which.
    #[error("there is no such join request")]
    NotFound,
    /// It was decided otherwise, or too late.
    #[error("the request is {0:?}, not pending")]
    Decided(JoinStatus),
    /// The words were not said to match.
    #[error("the words were not confirmed")]
    WordsNotConfirmed,
    /// Another node took the name meanwhile.
    #[error("there is another node named {0}")]
    NameTaken(NodeName),
    /// There is no such node to replace.
    #[error("there is no such node")]
    NoSuchNode,
    /// It is the Host's own.
    #[error("the Host's own node cannot be replaced or revoked")]
    OwnNode,
    /// It is not revoked.
    #[error("only a revoked node can be struck from the roll")]
    NotRevoked,
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The answer to this key held a secret and was given.
    #[error("the answer to this idempotency key held a secret, which is not kept")]
    SecretGone,
    /// The certificate request is not one, or could not be granted.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JoinError {
    /// An invitation by hand that is bound to nothing.
    #[must_use]
    pub fn unbound() -> Self {
        let message = "name the node to be, or the one that it replaces; for any machine make a join token";
        Self::invalid("name", "missing", message)
    }

    pub(in crate::nodes) fn invalid(
        field: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field,
            code,
            message: message.into(),
        }
    }
}

impl Fault for JoinError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid { .. } | Self::WordsNotConfirmed | Self::NoSuchNode => FaultKind::Invalid,
            Self::Token(_) | Self::Network => FaultKind::Forbidden,
            Self::TooOften { .. } | Self::Full { .. } => FaultKind::Limited,
            Self::NotFound => FaultKind::NotFound,
            Self::Decided(_)
            | Self::NameTaken(_)
            | Self::OwnNode
            | Self::NotRevoked
            | Self::KeyReused
            | Self::SecretGone => FaultKind::Conflict,
            Self::Authority(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::NoSuchNode => "invalid-input",
            Self::WordsNotConfirmed => "words-not-confirmed",
            Self::Token(_) => "join-token-invalid",
            Self::Network => "join-not-allowed",
            Self::TooOften { .. } | Self::Full { .. } => "rate-limited",
            Self::NotFound => "not-found",
            Self::Decided(_) => "join-request-decided",
            Self::NameTaken(_) => "name-taken",
            Self::OwnNode => "own-node",
            Self::NotRevoked => "node-not-revoked",
            Self::KeyReused => "idempotency-key-reused",
            Self::SecretGone => "secret-not-kept",
            Self::Authority(error) => error.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Invalid { message, .. } => message.clone(),
            Self::Token(why) => format!("the join token is {why}; make a new join URL on the Host"),
            Self::Network => {
                "this network may not ask to join without a join URL; make one on the Host, or add the network to join.networks"
                    .to_owned()
            }
            Self::TooOften { per_hour } => {
                format!("this address has asked {per_hour} times within an hour; wait, or have its requests decided")
            }
            Self::Full { most } => {
                format!("{most} machines wait to be let in already; decide on some under pending requests, or give this one a join URL")
            }
            Self::NotFound => "there is no such join request, or this is not its secret".to_owned(),
            Self::Decided(JoinStatus::Expired) => {
                "nobody decided on this request within 24 hours; have the machine ask again".to_owned()
            }
            Self::Decided(status) => {
                let word = super::list::word(*status);
                format!("this request was {word} already; load the list again")
            }
            Self::WordsNotConfirmed => {
                "compare the six words with those that the machine shows, and confirm that they match".to_owned()
            }
            Self::NameTaken(name) => format!(
                "there is another node named {name}; reject the request, or make a replace join URL for that node"
            ),
            Self::NoSuchNode => "there is no such node, or you may not know of it".to_owned(),
            Self::OwnNode => {
                "this is the Host's own node, which belongs to its Host for good; run `watchroom host` to be without one"
                    .to_owned()
            }
            Self::NotRevoked => "only a revoked node can be struck from the roll; revoke it first".to_owned(),
            Self::KeyReused => {
                "this Idempotency-Key was used for another request; use a fresh one".to_owned()
            }
            Self::SecretGone => {
                "this was done before and its join URL shown then; it is kept nowhere. Make another".to_owned()
            }
            Self::Authority(error) => error.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Invalid { field, code, message } => vec![FieldFault::new(*field, *code, message.clone())],
            Self::Token(why) => vec![FieldFault::new("token", "invalid", format!("it is {why}"))],
            Self::WordsNotConfirmed => {
                vec![FieldFault::new("words_match", "not_confirmed", self.public())]
            }
            Self::NameTaken(_) => vec![FieldFault::new("name", "taken", self.public())],
            Self::NoSuchNode => vec![FieldFault::new("replaces", "unknown", self.public())],
            Self::Authority(AuthorityError::BadRequest(why)) => {
                vec![FieldFault::new("certificate_request", "invalid", why.clone())]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooOften { .. } => Some(600),
            Self::Full { .. } => Some(60),
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
