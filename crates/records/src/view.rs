//! What people see of the log.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_audit::{Entry, Outcome, PublicKey, Verdict};
use watchroom_model::{DecisionId, RequestId, UserId};
use watchroom_policy::EventType;

/// One entry of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// The chain it belongs to.
    pub chain: String,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// When it was done.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// The kind of event.
    #[schema(value_type = String)]
    pub event_type: EventType,
    /// Who did it: a person's pseudonymous id, `anonymous`, `system`, `node:<id>` or `local:<os user>`.
    pub user: String,
    /// The act.
    pub action: String,
    /// What it was done to.
    pub resource: String,
    /// How it ended: `success`, `failure` or `denied`.
    #[schema(value_type = String)]
    pub result: Outcome,
    /// The client's address.
    #[schema(value_type = Option<String>)]
    pub source_ip: Option<IpAddr>,
    /// What the client said it was.
    pub user_agent: Option<String>,
    /// The request around it.
    pub request_id: Option<RequestId>,
    /// The decision that allowed or refused it.
    pub decision_id: Option<DecisionId>,
    /// What else is worth knowing, redacted.
    #[schema(value_type = Object)]
    pub extra: Map<String, Value>,
    /// The hash of the entry before.
    pub prev_hash: String,
    /// The hash of this entry.
    pub hash: String,
}

impl EntryView {
    /// The person who did it, itself or through a token.
    #[must_use]
    pub fn person(&self) -> Option<UserId> {
        self.user.split(' ').next()?.parse().ok()
    }
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            chain: entry.chain,
            seq: entry.seq,
            timestamp: entry.timestamp,
            event_type: entry.event_type,
            user: entry.user,
            action: entry.action,
            resource: entry.resource,
            result: entry.result,
            source_ip: entry.source_ip,
            user_agent: entry.user_agent,
            request_id: entry.request_id,
            decision_id: entry.decision_id,
            extra: entry.extra,
            prev_hash: entry.prev_hash.to_string(),
            hash: entry.hash.to_string(),
        }
    }
}

/// What a verification of the running chain found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VerdictView {
    /// Whether everything is as it was written.
    pub intact: bool,
    /// How many entries were read.
    pub entries: u64,
    /// How many signed checkpoints were checked.
    pub checkpoints: u64,
    /// The first thing wrong, in words.
    pub damage: Option<String>,
    /// What this does not prove.
    pub unproven: Vec<String>,
    /// The key that checkpoints are signed with, for verifying exports elsewhere.
    pub public_key: String,
    /// When this was found.
    #[serde(with = "time::serde::rfc3339")]
    pub verified_at: OffsetDateTime,
}

impl VerdictView {
    pub(crate) fn of(verdict: Verdict, key: PublicKey, at: OffsetDateTime) -> Self {
        Self {
            intact: verdict.intact,
            entries: verdict.entries,
            checkpoints: verdict.checkpoints,
            damage: verdict.damage.map(|damage| damage.to_string()),
            unproven: verdict.unproven,
            public_key: key.to_string(),
            verified_at: at,
        }
    }
}
