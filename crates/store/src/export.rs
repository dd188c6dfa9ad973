//! Exports: entries as lines, in pieces, with a signed last one.

use futures_util::stream::{self, Stream};
use watchroom_audit::{CSV_HEADER, Checkpoint, Digest, Head, Kind, LineDigest, csv_row};

use crate::chain::{chains, head_of};
use crate::entries::{self, AuditFilter, Line};
use crate::{AuditLog, StoreError};

/// Entries taken at a time.
const BATCH: u64 = 500;

/// In which form entries are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// Canonical lines with a signed last one; what [`watchroom_audit::Verifier`] reads.
    JsonLines,
    /// For spreadsheets; cannot be verified.
    Csv,
}

/// The export as pieces of whole lines.
pub(crate) fn stream(
    log: AuditLog,
    filter: AuditFilter,
    form: ExportForm,
) -> impl Stream<Item = Result<String, StoreError>> {
    let progress = Progress {
        log,
        filter,
        form,
        stage: Stage::Start,
    };
    stream::try_unfold(progress, Progress::next)
}

enum Stage {
    Start,
    Lines(Box<Lines>),
    Over,
}

/// How far it has come.
struct Lines {
    /// The chains still to be written, each up to this head; the last is under way.
    todo: Vec<Head>,
    /// The last entry of it that was written.
    last: u64,
    digest: LineDigest,
    count: u64,
    /// Where each chain stood at the last entry written of it.
    heads: Vec<Head>,
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
                self.stage = Stage::Lines(Box::new(self.begin().await?));
                let first = match self.form {
                    ExportForm::Csv => CSV_HEADER.to_owned(),
                    ExportForm::JsonLines => String::new(),
                };
                Ok(Some((first, self)))
            }
            Stage::Lines(mut lines) => loop {
                let Some(target) = lines.todo.last().cloned() else {
                    return Ok(self.seal(lines).map(|line| (line, self)));
                };
                let batch = self.batch(target, lines.last).await?;
                if batch.is_empty() {
                    lines.todo.pop();
                    lines.last = 0;
                    continue;
                }
                let piece = self.piece(&mut lines, &batch)?;
                self.stage = Stage::Lines(lines);
                return Ok(Some((piece, self)));
            },
        }
    }

    /// Our own chain first, then the others by name.
    async fn begin(&self) -> Result<Lines, StoreError> {
        let own = self.log.store.committed_head();
        let lease = self.log.readers.lease().await?;
        let todo = lease
            .run(move |conn| {
                let mut others = chains(conn)?;
                others.retain(|chain| *chain != own.chain);
                let others = others.iter().rev().map(|chain| head_of(conn, chain));
                let mut todo = others.collect::<Result<Vec<_>, _>>()?;
                todo.push(own);
                Ok(todo)
            })
            .await?;
        let heads = todo.iter().rev().map(|head| Head::start(&head.chain)).collect();
        Ok(Lines {
            todo,
            last: 0,
            digest: LineDigest::default(),
            count: 0,
            heads,
        })
    }

    async fn batch(&self, target: Head, last: u64) -> Result<Vec<Line>, StoreError> {
        let filter = self.filter.clone();
        let lease = self.log.readers.lease().await?;
        let batch = move |conn: &dyn crate::engine::Connection| {
            entries::between(conn, &target.chain, &filter, (last, target.seq), BATCH)
        };
        lease.run(batch).await
    }

    fn piece(&self, lines: &mut Lines, batch: &[Line]) -> Result<String, StoreError> {
        let mut piece = String::new();
        for line in batch {
            lines.digest.line(line.text.as_bytes());
            lines.count += 1;
            lines.last = line.place.seq;
            piece.push_str(&line.text);
            piece.push('\n');
        }
        let entries = entries::read(batch)?;
        if let Some(reached) = entries.last().map(watchroom_audit::Entry::head) {
            let known = lines.heads.iter_mut().find(|head| head.chain == reached.chain);
            known.into_iter().for_each(|head| *head = reached.clone());
        }
        if self.form == ExportForm::Csv {
            piece = entries.iter().map(csv_row).collect();
        }
        Ok(piece)
    }

    /// The signed last line, for those forms that have one.
    fn seal(&self, lines: Box<Lines>) -> Option<String> {
        if self.form == ExportForm::Csv {
            return None;
        }
        let kind = if self.filter.is_everything() {
            Kind::Export
        } else {
            Kind::Selection
        };
        let digest: Digest = lines.digest.finish();
        let checkpoint = Checkpoint {
            kind,
            heads: lines.heads,
            count: lines.count,
            digest: Some(digest),
            time: self.log.ambient.now(),
        };
        Some(format!("{}\n", checkpoint.sign(&self.log.key).line()))
    }
}
