//! Why a call to a node gave no answer, and whether what was asked may still happen.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_kit::{Fault, FaultKind};

/// Why a call over the link failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no link; nothing was sent.
    #[error("the node is not connected{}; try again when it is back", since_text(*.since))]
    NotConnected {
        /// Since when; `None` if this Host has not seen it since its own start.
        since: Option<OffsetDateTime>,
    },
    /// The node did not answer in time.
    #[error("the node did not answer within {} s{}", .after.as_secs_f32(), chance_text(*.may_still_happen))]
    TimedOut {
        /// How long it was waited.
        after: Duration,
        /// Whether the order may still be done. The same key may be sent again: a node answers once per key.
        may_still_happen: bool,
    },
    /// The link ended while the node was busy with it.
    #[error("the link was lost before the node answered ({why}){}", chance_text(*.may_still_happen))]
    Lost {
        /// How it ended.
        why: String,
        /// Whether the order may still be done.
        may_still_happen: bool,
    },
    /// The node will not give what was asked.
    #[error("the node refused: {why}")]
    Refused {
        /// A stable word (`no_such_server`, `failed`, `bad_request`).
        code: String,
        /// The cause, for people.
        why: String,
    },
    /// The Host could not sign the order, so it was not sent.
    #[error("the order could not be signed ({why}); nothing was sent")]
    Unsigned {
        /// Why.
        why: String,
    },
    /// The node answered something that this version does not understand.
    #[error(
        "the node answered something that this version does not understand ({why}); upgrade the older of the two"
    )]
    Garbled {
        /// What is wrong with it.
        why: String,
    },
}

fn since_text(since: Option<OffsetDateTime>) -> String {
    let since = since.and_then(|since| since.format(&Rfc3339).ok());
    since.map(|since| format!(" since {since}")).unwrap_or_default()
}

const fn chance_text(may_still_happen: bool) -> &'static str {
    if may_still_happen {
        "; it may still happen: look at the server's state before asking again"
    } else {
        "; nothing was done"
    }
}

impl LinkError {
    /// Whether what was asked may still happen, or has happened without an answer.
    #[must_use]
    pub const fn may_still_happen(&self) -> bool {
        match self {
            Self::TimedOut { may_still_happen, .. } | Self::Lost { may_still_happen, .. } => {
                *may_still_happen
            }
            Self::Garbled { .. } => true,
            Self::NotConnected { .. } | Self::Refused { .. } | Self::Unsigned { .. } => false,
        }
    }
}

impl Fault for LinkError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotConnected { .. } | Self::Lost { .. } => FaultKind::Unavailable,
            Self::TimedOut { .. } => FaultKind::Timeout,
            Self::Refused { code, .. } if code == "no_such_server" => FaultKind::NotFound,
            Self::Refused { .. } => FaultKind::Conflict,
            Self::Garbled { .. } | Self::Unsigned { .. } => FaultKind::Internal,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotConnected { .. } => "node-offline",
            Self::TimedOut { .. } => "node-timed-out",
            Self::Lost { .. } => "link-lost",
            Self::Refused { .. } => "node-refused",
            Self::Unsigned { .. } => "order-not-signed",
            Self::Garbled { .. } => "node-not-understood",
        }
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        let mut members = vec![("may_still_happen", Value::Bool(self.may_still_happen()))];
        if let Self::NotConnected { since: Some(since) } = self
            && let Ok(since) = since.format(&Rfc3339)
        {
            members.push(("offline_since", Value::String(since)));
        }
        members
    }

    fn retry_after_s(&self) -> Option<u64> {
        matches!(self, Self::NotConnected { .. } | Self::Lost { .. }).then_some(5)
    }
}
