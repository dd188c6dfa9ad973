//! What was done: entries, redaction, the hash chain, checkpoints and the verifier. Pure: no I/O, no async.
//!
//! An [`Entry`] has one canonical form, a line of JSON (RFC 8785), and a BLAKE3 hash over that form, which
//! holds the hash of the entry before. A [`Checkpoint`] signed with Ed25519 pins the head of the chain. The
//! [`Verifier`] reads lines as they were exported and names the first that is not as it was written.
//! Where entries are kept, and when checkpoints are made, is the store's business.

mod canonical;
mod checkpoint;
mod csv;
mod digest;
mod draft;
mod entry;
mod key;
mod redact;
mod stamp;
mod verdict;
mod verify;

pub use canonical::json as canonical_json;
pub use checkpoint::{Checkpoint, Head, Kind, SignedCheckpoint};
pub use csv::{HEADER as CSV_HEADER, row as csv_row};
pub use digest::{Digest, LineDigest};
pub use draft::Draft;
pub use entry::{Entry, EntryError, Outcome};
pub use key::{AuditKey, KeyError, PublicKey, Signature};
pub use redact::{REDACTED, redact};
pub use stamp::to_text as timestamp_text;
pub use verdict::{Damage, DamageKind, Verdict};
pub use verify::Verifier;
