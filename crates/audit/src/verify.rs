//! The verifier: reads an exported chain line by line, in one pass and constant memory.
//!
//! It needs no database and no network, only the lines and the public key. It finds edited, removed,
//! reordered, inserted and doubled entries, changed checkpoints and a missing end, and names the first.
//! Several chains stand one behind the other, and the signed end knows where each of them ended.

use crate::verdict::{Damage, DamageKind, Verdict};
use crate::{Checkpoint, Entry, EntryError, Head, Kind, LineDigest, PublicKey, SignedCheckpoint};

/// Longest line accepted, in bytes; ours are far shorter.
const LONGEST: usize = 4 << 20;

/// A verification on its way. Feed it bytes or lines, then ask for the verdict.
#[derive(Debug)]
pub struct Verifier {
    key: PublicKey,
    partial: Vec<u8>,
    lines: u64,
    entries: u64,
    checkpoints: u64,
    first: Option<u64>,
    head: Option<Head>,
    /// The heads of chains that stood before this one.
    ended: Vec<Head>,
    digest: LineDigest,
    /// Damage that stands whatever this turns out to be.
    damage: Option<Damage>,
    /// A broken link: damage in a chain, as it should be in a selection.
    broken: Option<Damage>,
    end: Option<Kind>,
}

impl Verifier {
    /// A verification against the key that signed the checkpoints.
    #[must_use]
    pub fn new(key: PublicKey) -> Self {
        Self {
            key,
            partial: Vec::new(),
            lines: 0,
            entries: 0,
            checkpoints: 0,
            first: None,
            head: None,
            ended: Vec::new(),
            digest: LineDigest::default(),
            damage: None,
            broken: None,
            end: None,
        }
    }

    /// Takes the next bytes of an export, cut anywhere.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at);
            bytes = rest.get(1..).unwrap_or_default();
            if self.partial.is_empty() {
                self.line(line);
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole);
            }
        }
        if self.partial.len() + bytes.len() <= LONGEST {
            self.partial.extend_from_slice(bytes);
        } else {
            self.blame(
                self.lines + 1,
                None,
                DamageKind::Unreadable {
                    why: "a line longer than any of ours".to_owned(),
                },
            );
        }
    }

    /// Takes one line, without its line feed.
    pub fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        if self.end.is_some() {
            self.blame(self.lines, None, DamageKind::Trailing);
            return;
        }
        if line.starts_with(b"{\"checkpoint\":") {
            match SignedCheckpoint::read(line) {
                Ok(signed) => self.checkpoint(&signed),
                Err(error) => self.blame(
                    self.lines,
                    None,
                    DamageKind::Unreadable {
                        why: error.to_string(),
                    },
                ),
            }
            return;
        }
        self.digest.line(line);
        match Entry::read(line) {
            Ok(entry) => self.entry(&entry),
            Err(EntryError::HashMismatch) => self.blame(self.lines, claimed_seq(line), DamageKind::Edited),
            Err(error) => {
                self.blame(
                    self.lines,
                    claimed_seq(line),
                    DamageKind::Unreadable {
                        why: error.to_string(),
                    },
                );
            }
        }
    }

    /// The verdict on an export: its end must be there and signed.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        if !self.partial.is_empty() || !matches!(self.end, Some(Kind::Export | Kind::Selection)) {
            let seq = self.head.as_ref().map(|head| head.seq);
            self.blame(self.lines + 1, seq, DamageKind::Truncated);
        }
        self.verdict()
    }

    /// The verdict on a chain whose true head is known, as the running store knows it.
    #[must_use]
    pub fn finish_at(mut self, known: &Head) -> Verdict {
        let reached = self
            .head
            .clone()
            .unwrap_or_else(|| Head::start(known.chain.clone()));
        if reached != *known {
            self.link_broken(Some(known.seq), DamageKind::Truncated);
        }
        self.verdict()
    }

    /// The verdict on a chain whose true head is not known: it must reach what checkpoints say of it.
    #[must_use]
    pub fn finish_open(mut self) -> Verdict {
        if let Some(head) = self.head.clone().filter(|head| self.entries == 0 && head.seq > 0) {
            self.link_broken(Some(head.seq), DamageKind::Truncated);
        }
        self.verdict()
    }

    /// Whether something is already known to be wrong, so that reading on only costs time.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }

    fn entry(&mut self, entry: &Entry) {
        self.entries += 1;
        self.first.get_or_insert(entry.seq);
        let is_known = |head: &Head| head.chain == entry.chain;
        if self.head.as_ref().is_some_and(|head| !is_known(head)) && !self.ended.iter().any(is_known) {
            self.ended.extend(self.head.take());
        }
        let head = self
            .head
            .clone()
            .unwrap_or_else(|| Head::start(entry.chain.clone()));
        let expected = head.seq + 1;
        let broken = if entry.chain != head.chain {
            Some(DamageKind::Foreign)
        } else if entry.seq > expected {
            Some(DamageKind::Removed { expected })
        } else if entry.seq < expected {
            Some(DamageKind::Repeated { expected })
        } else if entry.prev_hash != head.hash {
            Some(DamageKind::Inserted)
        } else {
            None
        };
        match broken {
            Some(kind) => self.link_broken(Some(entry.seq), kind),
            None if self.broken.is_none() => self.head = Some(entry.head()),
            None => {}
        }
    }

    fn checkpoint(&mut self, signed: &SignedCheckpoint) {
        if !signed.is_signed_by(&self.key) {
            self.blame(self.lines, None, DamageKind::Signature);
            return;
        }
        self.checkpoints += 1;
        let checkpoint = &signed.checkpoint;
        match checkpoint.kind {
            Kind::Periodic => self.stands_at(checkpoint),
            Kind::Export => {
                self.stand_at(checkpoint);
                self.ends_with(checkpoint);
            }
            Kind::Selection => {
                self.broken = None;
                self.ends_with(checkpoint);
            }
        }
    }

    /// A checkpoint before any entry is the anchor that the rest hangs from.
    fn stands_at(&mut self, checkpoint: &Checkpoint) {
        let is_anchor = self.entries == 0 && self.head.is_none();
        let chain = self.head.as_ref().map(|head| head.chain.clone());
        let signed = match chain {
            Some(chain) => checkpoint.heads.iter().find(|head| head.chain == chain),
            None => checkpoint.heads.first(),
        };
        match signed {
            Some(signed) if is_anchor => {
                self.head = Some(signed.clone());
            }
            signed if signed != self.head.as_ref() => {
                let seq = signed.map_or(0, |head| head.seq);
                self.link_broken(Some(seq), DamageKind::Head { signed: seq });
            }
            _ => {}
        }
    }

    /// All chains that are here, and no others, stand where the end says.
    fn stand_at(&mut self, checkpoint: &Checkpoint) {
        let reached: Vec<&Head> = self.ended.iter().chain(&self.head).collect();
        let missed = checkpoint
            .heads
            .iter()
            .find(|signed| signed.seq > 0 && !reached.contains(signed));
        let foreign = reached.iter().find(|head| !checkpoint.heads.contains(head));
        if let Some(seq) = missed.or(foreign.copied()).map(|head| head.seq) {
            self.link_broken(Some(seq), DamageKind::Head { signed: seq });
        }
    }

    fn ends_with(&mut self, checkpoint: &Checkpoint) {
        self.end = Some(checkpoint.kind);
        let covers_these =
            checkpoint.count == self.entries && checkpoint.digest == Some(self.digest.finish());
        if !covers_these && self.broken.is_none() {
            self.blame(self.lines, None, DamageKind::Lines);
        }
    }

    fn blame(&mut self, line: u64, seq: Option<u64>, kind: DamageKind) {
        self.damage.get_or_insert(Damage { line, seq, kind });
    }

    fn link_broken(&mut self, seq: Option<u64>, kind: DamageKind) {
        let line = self.lines;
        self.broken.get_or_insert(Damage { line, seq, kind });
    }

    fn verdict(self) -> Verdict {
        let is_selection = self.end == Some(Kind::Selection);
        let damage = match (self.damage, self.broken) {
            (Some(damage), Some(broken)) if broken.line < damage.line => Some(broken),
            (Some(damage), _) => Some(damage),
            (None, broken) => broken,
        };
        Verdict {
            intact: damage.is_none(),
            is_selection,
            entries: self.entries,
            checkpoints: self.checkpoints,
            first: self.first,
            head: self.head,
            damage,
            unproven: Verdict::limits(is_selection, self.first),
        }
    }
}

/// The place a broken line says it has, to name it by.
fn claimed_seq(line: &[u8]) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    value.get("seq")?.as_u64()
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
