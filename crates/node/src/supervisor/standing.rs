//! What a node must still know of a server after a crash of the agent or the machine.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_model::{Desired, ServerSpec};

use super::fuse::Fuse;
use crate::account::Account;

/// A server this node keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What it is.
    pub spec: ServerSpec,
    /// The account made for it, if we could make one.
    pub account: Option<Account>,
}

/// How a server that is down rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rest", rename_all = "snake_case")]
pub(crate) enum Rest {
    /// As desired.
    Stopped,
    /// Failed, and not tried again by itself.
    Failed,
    /// It is tried again soon.
    Retry,
    /// The breaker is open until then.
    Open {
        /// Until when.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
}

/// Where a server stands. Recorded whole at each change: the last record counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// What a person wants.
    pub desired: Desired,
    /// The run under way, from before its shim is started until its end is known.
    pub run: Option<Uuid>,
    /// How it rests while there is no run.
    pub rest: Rest,
    /// Who wanted it and why it is not so.
    pub reason: String,
    /// How the last process ended.
    pub exit_code: Option<i32>,
    /// The crash-loop breaker.
    pub fuse: Fuse,
    /// It was ordered to be removed and ends now.
    pub is_leaving: bool,
    /// It was stopped for the machine, or is being stopped for it, and runs again once the agent is back.
    #[serde(default)]
    pub is_halted: bool,
}

impl Standing {
    /// A server that was just created.
    pub(crate) fn new(by: &str) -> Self {
        Self {
            desired: Desired::Stopped,
            run: None,
            rest: Rest::Stopped,
            reason: format!("created by {by}; not started yet"),
            exit_code: None,
            fuse: Fuse::default(),
            is_leaving: false,
            is_halted: false,
        }
    }
}
