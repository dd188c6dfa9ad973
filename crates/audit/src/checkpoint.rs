//! Checkpoints: signed statements that the chains stood at these heads at this time.
//!
//! One line of canonical JSON, `{"checkpoint":{...},"key":"...","signature":"..."}`. Signed is the canonical
//! form of the inner object behind the words `watchroom audit checkpoint 1` and a line feed, so that the
//! signature can never be taken for one over something else.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{AuditKey, Digest, EntryError, PublicKey, Signature, canonical, stamp};

const CONTEXT: &str = "watchroom audit checkpoint 1\n";

/// The last entry of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The chain.
    pub chain: String,
    /// The last entry's place, 0 if there is none yet.
    pub seq: u64,
    /// The last entry's hash, [`Digest::ZERO`] if there is none yet.
    pub hash: Digest,
}

impl Head {
    /// Where a chain starts, before its first entry.
    #[must_use]
    pub fn start(chain: impl Into<String>) -> Self {
        Self {
            chain: chain.into(),
            seq: 0,
            hash: Digest::ZERO,
        }
    }
}

/// What a checkpoint was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Made on the way, every 1,000 entries or minute.
    Periodic,
    /// Ends an export of the whole chain.
    Export,
    /// Ends an export of some entries: signed, but no chain.
    Selection,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// What it was made for.
    pub kind: Kind,
    /// The heads of all chains.
    pub heads: Vec<Head>,
    /// How many entries it covers: of the chains, or lines of the export it ends.
    pub count: u64,
    /// The hash of all lines of the export it ends ([`crate::LineDigest`]).
    pub digest: Option<Digest>,
    /// When it was signed.
    #[serde(with = "stamp")]
    pub time: OffsetDateTime,
}

/// A checkpoint with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// With which key.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
}

impl Checkpoint {
    /// Signs it.
    #[must_use]
    pub fn sign(self, key: &AuditKey) -> SignedCheckpoint {
        let signature = key.sign(self.message().as_bytes());
        SignedCheckpoint {
            checkpoint: self,
            key: key.public(),
            signature,
        }
    }

    fn to_value(&self) -> Value {
        let heads: Vec<_> = self.heads.iter().map(|head| json!(head)).collect();
        json!({"kind": self.kind, "heads": heads, "count": self.count, "digest": self.digest, "time": stamp::to_text(self.time)})
    }

    fn message(&self) -> String {
        format!("{CONTEXT}{}", canonical::json(&self.to_value()))
    }
}

impl SignedCheckpoint {
    /// Its canonical line, without a line feed.
    #[must_use]
    pub fn line(&self) -> String {
        let value =
            json!({"checkpoint": self.checkpoint.to_value(), "key": self.key, "signature": self.signature});
        canonical::json(&value)
    }

    /// Reads a line that is exactly as [`SignedCheckpoint::line`] wrote it; the signature is not yet checked.
    ///
    /// # Errors
    /// [`EntryError::Unreadable`] or [`EntryError::NotCanonical`].
    pub fn read(line: &[u8]) -> Result<Self, EntryError> {
        let signed: Self =
            serde_json::from_slice(line).map_err(|error| EntryError::Unreadable(error.to_string()))?;
        if signed.line().as_bytes() == line {
            Ok(signed)
        } else {
            Err(EntryError::NotCanonical)
        }
    }

    /// Whether `key` signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.key == *key && key.accepts(self.checkpoint.message().as_bytes(), &self.signature)
    }
}
