//! One entry: its fields, its canonical line and its hash.
//!
//! The line is the entry as canonical JSON with all fifteen members, absent values as `null`. The hash is
//! BLAKE3 over the same line without the member `hash`; as `prev_hash` is a member, it covers the whole
//! chain before. What can be read but is not written in exactly this form is refused as changed.

use std::net::IpAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use watchroom_model::{DecisionId, RequestId};
use watchroom_policy::EventType;

use crate::canonical::{write_display, write_members, write_text};
use crate::{Digest, Draft, Head, redact, stamp};

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried and failed.
    Failure,
    /// It was refused.
    Denied,
}

impl Outcome {
    /// Its word in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }
}

/// One entry in its place in a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The chain it belongs to.
    pub chain: String,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// When it was done.
    #[serde(with = "stamp")]
    pub timestamp: OffsetDateTime,
    /// What kind of event it is.
    pub event_type: EventType,
    /// Who did it, by pseudonymous id.
    pub user: String,
    /// The act's name in the catalogue.
    pub action: String,
    /// What it was done to.
    pub resource: String,
    /// How it ended.
    pub result: Outcome,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// What the client said it was.
    pub user_agent: Option<String>,
    /// The request around it.
    pub request_id: Option<RequestId>,
    /// The decision that allowed or refused it.
    pub decision_id: Option<DecisionId>,
    /// What else is worth knowing, redacted.
    pub extra: Map<String, Value>,
    /// The hash of the entry before.
    pub prev_hash: Digest,
    /// The hash of this entry.
    pub hash: Digest,
}

/// Why a line is no entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It cannot be read as an entry.
    #[error("it is no entry: {0}")]
    Unreadable(String),
    /// It can be read, but is not in canonical form.
    #[error("it is not in canonical form")]
    NotCanonical,
    /// Its hash is not the hash of its content.
    #[error("its hash does not match its content")]
    HashMismatch,
}

impl Entry {
    /// Gives a draft its place after `head`, redacts its `extra` and hashes it.
    #[must_use]
    pub fn append(draft: Draft, head: &Head) -> Self {
        let mut entry = Self {
            chain: head.chain.clone(),
            seq: head.seq + 1,
            timestamp: draft.timestamp,
            event_type: draft.event_type,
            user: draft.user,
            action: draft.action,
            resource: draft.resource,
            result: draft.result,
            source_ip: draft.source_ip,
            user_agent: draft.user_agent,
            request_id: draft.request_id,
            decision_id: draft.decision_id,
            extra: redact(draft.extra),
            prev_hash: head.hash,
            hash: Digest::ZERO,
        };
        entry.hash = entry.content_hash();
        entry
    }

    /// Reads a line and proves that it is exactly what [`Entry::line`] wrote, hash included. Whether the
    /// entry stands in its place is the [`crate::Verifier`]'s question.
    ///
    /// # Errors
    /// [`EntryError`] for any changed byte.
    pub fn read(line: &[u8]) -> Result<Self, EntryError> {
        let entry: Self =
            serde_json::from_slice(line).map_err(|error| EntryError::Unreadable(error.to_string()))?;
        let (canonical, hash) = entry.canonical(Some(entry.hash));
        if canonical.as_bytes() != line {
            return Err(EntryError::NotCanonical);
        }
        let (before, after) = (line.get(..hash.start), line.get(hash.end..));
        let content = Digest::of_parts([before.unwrap_or_default(), after.unwrap_or_default()]);
        if content == entry.hash {
            Ok(entry)
        } else {
            Err(EntryError::HashMismatch)
        }
    }

    /// The canonical form, without a line feed.
    #[must_use]
    pub fn line(&self) -> String {
        self.canonical(Some(self.hash)).0
    }

    /// The head of the chain if this entry is its last.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            chain: self.chain.clone(),
            seq: self.seq,
            hash: self.hash,
        }
    }

    /// What the hash of this entry must be.
    #[must_use]
    pub fn content_hash(&self) -> Digest {
        Digest::of_parts([self.canonical(None).0.as_bytes()])
    }

    /// The members in the order of RFC 8785, and where the member `hash` stands, which is left out for hashing.
    fn canonical(&self, hash: Option<Digest>) -> (String, Range<usize>) {
        let mut out = String::with_capacity(640);
        let text = |out: &mut String, name: &str, value: &str| {
            out.push_str(name);
            write_text(out, value);
        };
        let optional = |out: &mut String, name: &str, value: Option<String>| {
            out.push_str(name);
            match value {
                Some(value) => write_text(out, &value),
                None => out.push_str("null"),
            }
        };
        text(&mut out, "{\"action\":", &self.action);
        text(&mut out, ",\"chain\":", &self.chain);
        optional(
            &mut out,
            ",\"decision_id\":",
            self.decision_id.map(|id| id.to_string()),
        );
        text(&mut out, ",\"event_type\":", self.event_type.word());
        out.push_str(",\"extra\":");
        write_members(&mut out, &self.extra);
        let hash_from = out.len();
        if let Some(hash) = hash {
            text(&mut out, ",\"hash\":", &hash.to_string());
        }
        let hash_to = out.len();
        text(&mut out, ",\"prev_hash\":", &self.prev_hash.to_string());
        optional(
            &mut out,
            ",\"request_id\":",
            self.request_id.map(|id| id.to_string()),
        );
        text(&mut out, ",\"resource\":", &self.resource);
        text(&mut out, ",\"result\":", self.result.word());
        out.push_str(",\"seq\":");
        write_display(&mut out, self.seq);
        optional(
            &mut out,
            ",\"source_ip\":",
            self.source_ip.map(|ip| ip.to_string()),
        );
        text(&mut out, ",\"timestamp\":", &stamp::to_text(self.timestamp));
        text(&mut out, ",\"user\":", &self.user);
        optional(&mut out, ",\"user_agent\":", self.user_agent.clone());
        out.push('}');
        (out, hash_from..hash_to)
    }
}
