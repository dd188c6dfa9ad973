//! The audit log as a reader sees it: searched, verified and exported. Who may do that, and the entry that
//! it leaves, is the caller's to see to before asking.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{BoxStream, StreamExt};
use time::OffsetDateTime;
use watchroom_audit::{AuditKey, Entry, PublicKey, SignedCheckpoint, Verdict};
use watchroom_kit::Ambient;
use watchroom_model::{Page, PageRequest};

use crate::entries::{self, AuditFilter, Place};
use crate::export::{self, ExportForm};
use crate::read::{opened, sealed};
use crate::reader::Readers;
use crate::verify::{self, Signed};
use crate::{Store, StoreError};

/// A verification and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// When it began.
    pub at: OffsetDateTime,
    /// What it found.
    pub verdict: Verdict,
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
    /// One page of the entries that the filter asks for, of all chains, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Page`] for a page nobody can ask for, or what the database said.
    pub async fn page(&self, filter: &AuditFilter, request: &PageRequest) -> Result<Page<Entry>, StoreError> {
        let limit = request.limit()?;
        let place = |cursor: &str| opened(cursor)?.parse::<Place>();
        let below = request.cursor.as_deref().map(place).transpose()?;
        let (filter, most) = (filter.clone(), u64::from(limit) + 1);
        let mut lines = self
            .readers
            .lease()
            .await?
            .run(move |conn| entries::newest(conn, &filter, below.as_ref(), most))
            .await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = lines.len() > limit;
        lines.truncate(limit);
        let next_cursor = lines
            .last()
            .filter(|_| has_more)
            .map(|line| sealed(&line.place.to_string()));
        Ok(Page {
            items: entries::read(&lines)?,
            next_cursor,
        })
    }

    /// Verifies all chains and every checkpoint against what is in the database now, in one pass on a reader's
    /// thread. Where our own chain must end we know; where those of other replicas must, their checkpoints say,
    /// and ours.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; damage is a verdict, not an error.
    pub async fn verify(&self) -> Result<Verdict, StoreError> {
        let at = self.ambient.now();
        let known = self.store.head().await?;
        let lease = self.readers.lease().await?;
        let chain = known.chain.clone();
        let highest = lease.run(move |conn| verify::highest(conn, &chain)).await?;
        // Asked after the view was fixed, so nothing in the view can rightly stand above it.
        let newest = self.store.head().await?.seq;
        let key = self.public_key();
        let verdict = lease
            .run(move |conn| {
                let signed = Signed::all(conn)?;
                let own = verify::own(conn, &known, &signed, key, (highest, newest))?;
                let others = verify::others(conn, &known.chain, &signed)?;
                let others = others
                    .iter()
                    .map(|chain| verify::other(conn, chain, &signed, key))
                    .collect::<Result<_, _>>()?;
                Ok(verify::joined(own, others, signed.count()))
            })
            .await?;
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

    /// The entries that the filter asks for, chain after chain, the oldest first, in pieces of whole lines. JSON Lines end with
    /// a checkpoint signed when the end is reached; of a selection it says that it is no chain.
    #[must_use]
    pub fn export(
        &self,
        filter: AuditFilter,
        form: ExportForm,
    ) -> BoxStream<'static, Result<String, StoreError>> {
        export::stream(self.clone(), filter, form).boxed()
    }

    /// The key that checks checkpoints, to be kept outside.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// The newest checkpoint of this replica, to be given to whoever keeps one outside.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read or the checkpoint is damaged.
    pub async fn last_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        let chain = self.store.committed_head().chain;
        let lease = self.readers.lease().await?;
        let line = lease
            .run(move |conn| verify::newest_checkpoint(conn, &chain))
            .await?;
        let last = line
            .map(|line| SignedCheckpoint::read(line.as_bytes()))
            .transpose();
        last.map_err(|error| StoreError::Database(format!("the newest checkpoint is damaged: {error}")))
    }
}
