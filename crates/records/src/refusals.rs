//! Refusals as entries: a few a minute for each principal and kind, then one with a count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use watchroom_policy::{Permit, Reason, Refusal, Trail, act};
use watchroom_store::StoreError;

use crate::Records;

/// Entries of their own that a principal's refusals of one kind get in a minute.
const SINGLE_A_MINUTE: u32 = 5;
/// How often counts are written.
const COUNTED_EVERY: Duration = Duration::from_secs(60);
/// Refusals that may wait to be written; more are only counted.
const WAITING: usize = 256;

/// Takes refusals from requests without making them wait.
#[derive(Debug)]
pub struct Refusals {
    queue: mpsc::Sender<Note>,
    minute: Mutex<HashMap<(String, Kind), Tally>>,
    records: Records,
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// An act, by the evaluator.
    Act,
    /// A request without the proofs against cross-site requests.
    Forged,
}

/// One refusal that gets an entry of its own.
#[derive(Debug)]
enum Note {
    Act(Box<Refusal>),
    Forged { who: String, trail: Trail },
}

/// What became of one principal's refusals of one kind in this minute.
#[derive(Debug, Default)]
struct Tally {
    written: u32,
    counted: u32,
}

impl Refusals {
    /// Notes a refusal of the evaluator. Never blocks: what cannot be written as an entry of its own is counted.
    pub fn refused(&self, refusal: &Refusal) {
        self.records.decisions.keep(refusal, self.records.ambient.now());
        let is_known = refusal.reason != Reason::Unknown;
        self.note(&refusal.who, Kind::Act, is_known, || {
            Note::Act(Box::new(refusal.clone()))
        });
    }

    /// Notes a request without the proofs against cross-site requests. Never blocks.
    pub fn forged(&self, who: &str, trail: &Trail) {
        let is_known = who != watchroom_policy::Principal::stranger().audit_name();
        let note = || Note::Forged {
            who: who.to_owned(),
            trail: trail.clone(),
        };
        self.note(who, Kind::Forged, is_known, note);
    }

    fn note(&self, who: &str, kind: Kind, is_known: bool, note: impl FnOnce() -> Note) {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = minute.entry((who.to_owned(), kind)).or_default();
        // Strangers only ever count: nobody may buy writes by knocking.
        if is_known && tally.written < SINGLE_A_MINUTE && self.queue.try_send(note()).is_ok() {
            tally.written += 1;
        } else {
            tally.counted += 1;
        }
    }

    /// The refusals of this minute that got no entry of their own.
    fn take_counts(&self) -> Vec<(String, Kind, u32)> {
        let minute = std::mem::take(&mut *self.minute.lock().unwrap_or_else(PoisonError::into_inner));
        let counts = minute
            .into_iter()
            .map(|((who, kind), tally)| (who, kind, tally.counted));
        counts.filter(|(_, _, counted)| *counted > 0).collect()
    }
}

impl Records {
    /// Starts writing refusals down.
    #[must_use]
    pub fn note_refusals(&self) -> Arc<Refusals> {
        let (queue, mut waiting) = mpsc::channel(WAITING);
        let refusals = Arc::new(Refusals {
            queue,
            minute: Mutex::default(),
            records: self.clone(),
        });
        let (records, counted) = (self.clone(), Arc::clone(&refusals));
        self.ambient.tasks.spawn("note-refusals", async move {
            let mut minute = tokio::time::interval(COUNTED_EVERY);
            loop {
                let noted = tokio::select! {
                    Some(note) = waiting.recv() => records.note_one(note).await,
                    _ = minute.tick() => records.note_counts(counted.take_counts()).await,
                };
                if let Err(error) = noted {
                    tracing::error!(%error, "refusals could not be written to the audit log");
                }
            }
        });
        refusals
    }

    async fn note_one(&self, note: Note) -> Result<(), StoreError> {
        match note {
            Note::Act(refusal) => {
                let permit: Permit<act::RecordRefusal> =
                    Permit::of_house(&refusal.resource, refusal.decision);
                let noted = async move |tx: &watchroom_store::WriteTx| {
                    tx.note_refusal(&refusal);
                    Ok(())
                };
                self.store.write(&permit, noted).await
            }
            Note::Forged { who, trail } => {
                let permit = self.of_host::<act::RecordSuspicion>();
                let noted = async move |tx: &watchroom_store::WriteTx| {
                    tx.note("why", "csrf");
                    tx.note("who", who.clone());
                    tx.note("from", json!(trail.source_ip));
                    tx.note("request", json!(trail.request_id));
                    tx.note_denied();
                    Ok(())
                };
                self.store.write(&permit, noted).await
            }
        }
    }

    async fn note_counts(&self, counts: Vec<(String, Kind, u32)>) -> Result<(), StoreError> {
        for (who, kind, count) in counts {
            let noted = async move |tx: &watchroom_store::WriteTx| {
                if kind == Kind::Forged {
                    tx.note("why", "csrf");
                }
                tx.note("who", who.clone());
                tx.note("count", count);
                tx.note_denied();
                Ok::<_, StoreError>(())
            };
            let written = match kind {
                Kind::Act => {
                    self.store
                        .write(&self.of_host::<act::RecordRefusal>(), noted)
                        .await
                }
                Kind::Forged => {
                    self.store
                        .write(&self.of_host::<act::RecordSuspicion>(), noted)
                        .await
                }
            };
            written?;
        }
        Ok(())
    }
}
