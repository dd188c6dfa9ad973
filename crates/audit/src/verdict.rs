//! The verdict: what was found, where, and what that does not prove.

use serde::{Deserialize, Serialize};

use crate::Head;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DamageKind {
    /// It is neither an entry nor a checkpoint, or not written as we write them.
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
    /// Its hash does not match its content.
    Edited,
    /// Entries before it are missing.
    Removed {
        /// The place that should come here.
        expected: u64,
    },
    /// It stood here before: doubled, or moved.
    Repeated {
        /// The place that should come here.
        expected: u64,
    },
    /// It has the right place but does not follow the entry before: inserted, or the one before replaced.
    Inserted,
    /// It belongs to another chain.
    Foreign,
    /// The checkpoint is not signed by the key that was given.
    Signature,
    /// The checkpoint says that the chain stood elsewhere: entries before it were removed or replaced.
    Head {
        /// Where the checkpoint says the chain stood.
        signed: u64,
    },
    /// The export's signature covers other lines than these.
    Lines,
    /// The end is missing: no signed last line, or not all of it.
    Truncated,
    /// There is something behind the end.
    Trailing,
}

/// The first thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The line, from 1.
    pub line: u64,
    /// The entry's place in the chain, where it can be told.
    pub seq: Option<u64>,
    /// What is wrong.
    #[serde(flatten)]
    pub kind: DamageKind,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(seq) = self.seq {
            write!(f, " (entry {seq})")?;
        }
        match &self.kind {
            DamageKind::Unreadable { why } => write!(f, ": {why}"),
            DamageKind::Edited => f.write_str(": edited; its hash does not match its content"),
            DamageKind::Removed { expected } => {
                write!(f, ": entries from {expected} on were removed before it")
            }
            DamageKind::Repeated { expected } => {
                write!(f, ": doubled or moved; entry {expected} should stand here")
            }
            DamageKind::Inserted => f.write_str(": inserted, or the entry before it replaced"),
            DamageKind::Foreign => f.write_str(": belongs to another chain"),
            DamageKind::Signature => f.write_str(": a checkpoint that the given key did not sign"),
            DamageKind::Head { signed } => {
                write!(
                    f,
                    ": a checkpoint says the chain stood at entry {signed} with another content"
                )
            }
            DamageKind::Lines => f.write_str(": the signature at the end covers other lines than these"),
            DamageKind::Truncated => f.write_str(": the end is missing"),
            DamageKind::Trailing => f.write_str(": stands behind the signed end"),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether everything is as it was written.
    pub intact: bool,
    /// Whether this was an export of some entries only: each is genuine, but gaps between them prove nothing.
    pub is_selection: bool,
    /// How many entries were read.
    pub entries: u64,
    /// How many signed checkpoints were checked.
    pub checkpoints: u64,
    /// The first entry's place.
    pub first: Option<u64>,
    /// The last entry that stood in its place.
    pub head: Option<Head>,
    /// The first thing wrong.
    pub damage: Option<Damage>,
    /// What this does not prove, in sentences for people.
    pub unproven: Vec<String>,
}

impl Verdict {
    /// What a verification can never prove, and what it cannot prove of a selection or a later start.
    pub(crate) fn limits(is_selection: bool, first: Option<u64>) -> Vec<String> {
        let mut limits = vec![
            "that what was written was true: only that it has not been changed since".to_owned(),
            "that nothing came after the last signature: compare its time and place with what the nodes or an \
             outside copy last saw"
                .to_owned(),
            "anything against somebody who holds the signing key".to_owned(),
        ];
        if is_selection {
            limits.push("that no entry is missing: this is a selection and no chain".to_owned());
        } else if let Some(first) = first.filter(|first| *first > 1) {
            limits.push(format!(
                "anything about the entries before {first}, which are not here"
            ));
        }
        limits
    }
}
