//! The audit log as a reader sees it: searched, verified and exported. Who may do that, and the entry that
//! it leaves, is the caller's to see to before asking.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, BoxStream, StreamExt};
use rusqlite::Connection;
use time::OffsetDateTime;
use watchroom_audit::{
    AuditKey, CSV_HEADER, Checkpoint, Damage, DamageKind, Entry, Head, Kind, LineDigest, PublicKey,
    SignedCheckpoint, Verdict, Verifier, csv_row,
};
use watchroom_kit::Ambient;
use watchroom_model::{Page, PageError, PageRequest};

use crate::entries::{self, AuditFilter, From, Line};
use crate::read::{opened, sealed};
use crate::reader::{Lease, Readers};
use crate::refusal::classify;
use crate::{Store, StoreError};

/// Entries taken at a time when streaming.
const BATCH: u64 = 500;

/// A verification and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// When it began.
    pub at: OffsetDateTime,
    /// What it found.
    pub verdict: Verdict,
}

/// In which form entries are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// Canonical lines with a signed last one; what [`Verifier`] reads.
    JsonLines,
    /// For spreadsheets; cannot be verified.
    Csv,
}

/// The audit log of a store.
#[derive(Clone, Debug)]
pub struct AuditLog {
    pub(crate) store: Store,
    pub(crate) readers: Arc<Readers>,
    pub(crate) key: Arc<AuditKey>,
    pub(crate) ambient: Ambient,
    pub(crate) last: Arc<Mutex<Option<Verification>>>,
}

impl AuditLog {
    /// One page of the entries that the filter asks for, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Page`] for a page nobody can ask for, or what the database said.
    pub async fn page(&self, filter: &AuditFilter, request: &PageRequest) -> Result<Page<Entry>, StoreError> {
        let limit = request.limit()?;
        let place = |cursor: &str| opened(cursor)?.parse::<u64>().map_err(|_| PageError::Cursor);
        let below = request.cursor.as_deref().map(place).transpose()?;
        let select = entries::select(&self.chain(), filter, From::Below(below), u64::from(limit) + 1);
        let mut lines = self
            .readers
            .lease()
            .await?
            .run(move |conn| entries::lines(conn, select))
            .await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = lines.len() > limit;
        lines.truncate(limit);
        let next_cursor = lines
            .last()
            .filter(|_| has_more)
            .map(|line| sealed(&line.seq.to_string()));
        Ok(Page {
            items: entries::read(&lines)?,
            next_cursor,
        })
    }

    /// Verifies the whole chain and every checkpoint against what is in the database now, in one pass on a
    /// reader's thread.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; damage is a verdict, not an error.
    pub async fn verify(&self) -> Result<Verdict, StoreError> {
        let at = self.ambient.now();
        let known = self.store.head().await?;
        let lease = self.readers.lease().await?;
        let chain = known.chain.clone();
        let highest = lease.run(move |conn| highest(conn, &chain)).await?;
        // Asked after the view was fixed, so nothing in the view can rightly stand above it.
        let newest = self.store.head().await?.seq;
        let key = self.public_key();
        let mut verdict = lease.run(move |conn| walk(conn, &known, key)).await?;
        if verdict.intact && highest > newest {
            let (line, seq) = (verdict.entries + 1, Some(newest + 1));
            verdict.damage = Some(Damage {
                line,
                seq,
                kind: DamageKind::Inserted,
            });
            verdict.intact = false;
        }
        let made = Verification {
            at,
            verdict: verdict.clone(),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(verdict)
    }

    /// What the last verification found, since this process started.
    #[must_use]
    pub fn last_verification(&self) -> Option<Verification> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The entries that the filter asks for, the oldest first, in pieces of whole lines. JSON Lines end with
    /// a checkpoint signed when the end is reached; of a selection it says that it is no chain.
    #[must_use]
    pub fn export(
        &self,
        filter: AuditFilter,
        form: ExportForm,
    ) -> BoxStream<'static, Result<String, StoreError>> {
        let progress = Progress {
            log: self.clone(),
            filter,
            form,
            stage: Stage::Start,
        };
        stream::try_unfold(progress, Progress::next).boxed()
    }

    /// The key that checks checkpoints, to be kept outside.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// The newest checkpoint, to be given to whoever keeps one outside.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read or the checkpoint is damaged.
    pub async fn last_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        let chain = self.chain();
        let lease = self.readers.lease().await?;
        let lines = lease
            .run(move |conn| checkpoints(conn, &chain, "DESC LIMIT 1"))
            .await?;
        let read = |line: &Line| SignedCheckpoint::read(line.text.as_bytes());
        let last = lines.first().map(read).transpose();
        last.map_err(|error| StoreError::Database(format!("the newest checkpoint is damaged: {error}")))
    }

    fn chain(&self) -> String {
        self.store.committed_head().chain
    }
}

fn highest(conn: &Connection, chain: &str) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM entries WHERE chain = ?1";
    let seq: i64 = conn
        .query_row(sql, [chain], |row| row.get(0))
        .map_err(|error| classify(&error))?;
    Ok(u64::try_from(seq).unwrap_or(0))
}

fn checkpoints(conn: &Connection, chain: &str, tail: &str) -> Result<Vec<Line>, StoreError> {
    let sql = format!("SELECT seq, line FROM checkpoints WHERE chain = ?1 ORDER BY seq {tail}");
    let read = |row: &rusqlite::Row<'_>| {
        let seq: i64 = row.get(0)?;
        Ok(Line {
            seq: u64::try_from(seq).unwrap_or(0),
            text: row.get(1)?,
        })
    };
    let mut statement = conn.prepare_cached(&sql).map_err(|error| classify(&error))?;
    let lines = statement.query_map([chain], read).and_then(Iterator::collect);
    lines.map_err(|error| classify(&error))
}

/// Feeds the verifier with the chain up to the known head, each checkpoint where it was signed.
fn walk(conn: &Connection, known: &Head, key: PublicKey) -> Result<Verdict, StoreError> {
    let mut verifier = Verifier::new(key);
    let signed = checkpoints(conn, &known.chain, "ASC")?;
    let mut signed = signed
        .iter()
        .filter(|line| line.seq > 0 && line.seq <= known.seq)
        .peekable();
    let mut last = 0;
    while !verifier.is_damaged() {
        let select = entries::select(
            &known.chain,
            &AuditFilter::default(),
            From::Above(last, known.seq),
            BATCH,
        );
        let lines = entries::lines(conn, select)?;
        let Some(newest) = lines.last() else { break };
        last = newest.seq;
        for line in &lines {
            while let Some(checkpoint) = signed.next_if(|checkpoint| checkpoint.seq < line.seq) {
                verifier.line(checkpoint.text.as_bytes());
            }
            verifier.line(line.text.as_bytes());
        }
    }
    for checkpoint in signed {
        verifier.line(checkpoint.text.as_bytes());
    }
    Ok(verifier.finish_at(known))
}

enum Stage {
    Start,
    Lines {
        last: u64,
        most: u64,
        digest: Box<LineDigest>,
        count: u64,
        head: Head,
    },
    Over,
}

/// An export on its way.
struct Progress {
    log: AuditLog,
    filter: AuditFilter,
    form: ExportForm,
    stage: Stage,
}

impl Progress {
    async fn next(mut self) -> Result<Option<(String, Self)>, StoreError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Ok(None),
            Stage::Start => {
                let head = self.log.store.committed_head();
                let start = Head::start(head.chain);
                self.stage = Stage::Lines {
                    last: 0,
                    most: head.seq,
                    digest: Box::default(),
                    count: 0,
                    head: start,
                };
                let first = match self.form {
                    ExportForm::Csv => CSV_HEADER.to_owned(),
                    ExportForm::JsonLines => String::new(),
                };
                Ok(Some((first, self)))
            }
            Stage::Lines {
                last,
                most,
                mut digest,
                mut count,
                mut head,
            } => {
                let lease = self.log.readers.lease().await?;
                let lines = self.batch(&lease, &head.chain, last, most).await?;
                drop(lease);
                let Some(newest) = lines.last() else {
                    return Ok(self.seal(digest.finish(), count, head).map(|line| (line, self)));
                };
                let last = newest.seq;
                let mut piece = String::new();
                for line in &lines {
                    digest.line(line.text.as_bytes());
                    count += 1;
                    piece.push_str(&line.text);
                    piece.push('\n');
                }
                let entries = entries::read(&lines)?;
                if let Some(entry) = entries.last() {
                    head = entry.head();
                }
                if self.form == ExportForm::Csv {
                    piece = entries.iter().map(csv_row).collect();
                }
                self.stage = Stage::Lines {
                    last,
                    most,
                    digest,
                    count,
                    head,
                };
                Ok(Some((piece, self)))
            }
        }
    }

    async fn batch(&self, lease: &Lease, chain: &str, last: u64, most: u64) -> Result<Vec<Line>, StoreError> {
        let select = entries::select(chain, &self.filter, From::Above(last, most), BATCH);
        lease.run(move |conn| entries::lines(conn, select)).await
    }

    /// The signed last line, for those forms that have one.
    fn seal(&self, digest: watchroom_audit::Digest, count: u64, head: Head) -> Option<String> {
        if self.form == ExportForm::Csv {
            return None;
        }
        let kind = if self.filter.is_everything() {
            Kind::Export
        } else {
            Kind::Selection
        };
        let time = self.log.ambient.now();
        let checkpoint = Checkpoint {
            kind,
            heads: vec![head],
            count,
            digest: Some(digest),
            time,
        };
        Some(format!("{}\n", checkpoint.sign(&self.log.key).line()))
    }
}
