//! The audit log for those who may read it: search, verify, export, and the notes of what was refused.
//!
//! Entries of changes are made by the store itself, with the change. Here they are only read, each
//! reading being an act with a permit and an entry of its own; and here refusals become entries, a few a
//! minute for each principal and then one with a count, so that nobody can buy writes.

mod decisions;
mod error;
mod export;
mod filter;
mod findings;
mod refusals;
mod suspicions;
mod troubles;
mod view;

use std::sync::Arc;

use watchroom_audit::Entry;
use watchroom_kit::Ambient;
use watchroom_model::{DecisionId, Page, PageRequest};
use watchroom_policy::{HouseAct, Permit, Resource, ResourceKind, act};
use watchroom_store::{Store, StoreError};

use self::decisions::Decisions;
pub use decisions::{DecisionView, HeldView};
pub use error::RecordsError;
pub use export::ExportForm;
pub use filter::RecordFilter;
pub use findings::{FindingView, InputFinding};
pub use refusals::Refusals;
pub use suspicions::Suspicion;
pub use view::{EntryView, VerdictView};

/// The audit log. Cloning is cheap and shares it.
#[derive(Clone, Debug)]
pub struct Records {
    store: Store,
    ambient: Ambient,
    decisions: Arc<Decisions>,
}

impl Records {
    /// The log of this store.
    #[must_use]
    pub fn new(store: Store, ambient: Ambient) -> Self {
        Self {
            store,
            ambient,
            decisions: Arc::default(),
        }
    }

    /// Searches, newest first. Leaves an entry that says what was searched for and how much was seen.
    ///
    /// # Errors
    /// [`RecordsError`] if the filter cannot be, or the store cannot be read or written.
    pub async fn search(
        &self,
        permit: &Permit<act::ReadAudit>,
        filter: RecordFilter,
        page: &PageRequest,
    ) -> Result<Page<EntryView>, RecordsError> {
        let found: Page<Entry> = self.store.audit().page(&filter.parse()?, page).await?;
        let (asked, seen) = (filter.asked(), found.items.len());
        self.store
            .write(permit, async move |tx| {
                tx.note("asked", asked.clone());
                tx.note("items", seen);
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(found.map(EntryView::from))
    }

    /// The newest entries as they are, for those who may read them, without an entry of its own: what the
    /// overview shows.
    ///
    /// # Errors
    /// [`RecordsError`] if the store cannot be read.
    pub async fn recent(
        &self,
        _permit: &Permit<act::ReadAudit>,
        page: &PageRequest,
    ) -> Result<Page<EntryView>, RecordsError> {
        Ok(self
            .store
            .audit()
            .page(&RecordFilter::default().parse()?, page)
            .await?
            .map(EntryView::from))
    }

    /// Verifies the whole chain on the running store. Leaves an entry with the verdict.
    ///
    /// # Errors
    /// [`RecordsError`] if the store cannot be read or written.
    pub async fn verify(&self, permit: &Permit<act::VerifyAudit>) -> Result<VerdictView, RecordsError> {
        let verdict = VerdictView::of(
            self.store.audit().verify().await?,
            self.store.audit().public_key(),
            self.ambient.now(),
        );
        let noted = verdict.clone();
        self.store
            .write(permit, async move |tx| {
                tx.note("intact", noted.intact);
                tx.note("entries", noted.entries);
                if !noted.intact {
                    tx.note_failure();
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(verdict)
    }

    /// Leave for an act of the house on the Host.
    pub(crate) fn of_host<A: HouseAct>(&self) -> Permit<A> {
        Permit::of_house(
            &Resource::all(ResourceKind::Host),
            DecisionId::mint(&self.ambient),
        )
    }
}
