//! Parts of the Host that went away, and came back, as entries.

use watchroom_policy::act;
use watchroom_store::StoreError;

use crate::Records;

impl Records {
    /// Writes down that a part (a word such as `limits`) is away or weak, and why.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn note_trouble(&self, part: &'static str, why: String) -> Result<(), StoreError> {
        self.store
            .write(&self.of_host::<act::RecordTrouble>(), async move |tx| {
                tx.note("part", part);
                tx.note("why", why.clone());
                Ok(())
            })
            .await
    }

    /// Writes down that a part is well again.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn note_recovery(&self, part: &'static str) -> Result<(), StoreError> {
        self.store
            .write(&self.of_host::<act::RecordRecovery>(), async move |tx| {
                tx.note("part", part);
                Ok(())
            })
            .await
    }
}
