//! Handing the log out, with a signed end.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use watchroom_policy::{Permit, act};
use watchroom_store::StoreError;

use crate::{RecordFilter, Records, RecordsError};

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportForm {
    /// Each line is the canonical form of its entry; the last one is a signed checkpoint.
    #[default]
    Jsonl,
    /// For spreadsheets; proves nothing.
    Csv,
}

/// The bytes of an export, as they come; cut off without its signed end if the store fails in the middle.
pub type Exported = BoxStream<'static, Result<Bytes, StoreError>>;

impl From<ExportForm> for watchroom_store::ExportForm {
    fn from(form: ExportForm) -> Self {
        match form {
            ExportForm::Jsonl => Self::JsonLines,
            ExportForm::Csv => Self::Csv,
        }
    }
}

impl Records {
    /// Exports what fits the filter, oldest first. The entry that this leaves is the last one exported, unless
    /// the filter leaves it out.
    ///
    /// # Errors
    /// [`RecordsError`] if the filter cannot be, or the store cannot be read or written.
    pub async fn export(
        &self,
        permit: &Permit<act::ExportAudit>,
        filter: RecordFilter,
        form: ExportForm,
    ) -> Result<Exported, RecordsError> {
        let wanted = filter.parse()?;
        let (asked, is_whole) = (filter.asked(), filter.is_open());
        self.store
            .write(permit, async move |tx| {
                tx.note("asked", asked.clone());
                tx.note("form", serde_json::to_value(form).unwrap_or_default());
                tx.note("whole", is_whole);
                Ok::<_, StoreError>(())
            })
            .await?;
        let lines = self.store.audit().export(wanted, form.into());
        Ok(lines.map(|piece| piece.map(Bytes::from)).boxed())
    }
}
