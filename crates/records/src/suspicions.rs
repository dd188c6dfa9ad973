//! What the edge turned away, as entries. The edge itself already folds a flood into a few events.

use std::net::IpAddr;

use serde_json::json;
use watchroom_policy::act;
use watchroom_store::StoreError;

use crate::Records;

/// One thing the edge found suspicious, or a number of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Why (a slug such as `rate-limited`).
    pub why: &'static str,
    /// From where.
    pub client: IpAddr,
    /// For what class of route.
    pub class: String,
    /// What was asked for, where that is one of the paths we know.
    pub path: Option<String>,
    /// How many since the last such event.
    pub count: u64,
}

impl Records {
    /// Writes a suspicion down.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn suspect(&self, suspicion: Suspicion) -> Result<(), StoreError> {
        self.store
            .write(&self.of_host::<act::RecordSuspicion>(), async move |tx| {
                tx.note("why", suspicion.why);
                tx.note("from", json!(suspicion.client));
                tx.note("class", suspicion.class.clone());
                if let Some(path) = &suspicion.path {
                    tx.note("path", path.clone());
                }
                tx.note("count", suspicion.count);
                tx.note_denied();
                Ok(())
            })
            .await
    }
}
