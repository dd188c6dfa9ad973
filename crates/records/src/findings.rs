//! What inspection found in requests, as entries and as a list. The edge already folds a flood into a few events.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{Page, PageRequest, RequestId};
use watchroom_policy::{Act, Permit, act};
use watchroom_store::StoreError;

use crate::{EntryView, RecordFilter, Records, RecordsError};

/// Input that looked like an attack, or a number of the same. It holds nothing of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFinding {
    /// The kind of attack: `sqli`, `xss`, `traversal`.
    pub attack: &'static str,
    /// The rule that was met.
    pub rule: &'static str,
    /// How sure, from 50 to 100.
    pub score: u8,
    /// Where it stood: `path`, `header referer`, or a field.
    pub field: String,
    /// Whether the request was refused for it.
    pub is_refused: bool,
    /// From where.
    pub client: IpAddr,
    /// For what class of route.
    pub class: String,
    /// The first such request.
    pub request: RequestId,
    /// How many since the last such event.
    pub count: u64,
}

/// Input that looked like an attack, as it was written down.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingView {
    /// When it was seen.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// The kind of attack: `sqli`, `xss`, `traversal`.
    pub attack: String,
    /// The rule that was met.
    pub rule: String,
    /// How sure, from 50 to 100.
    pub score: u64,
    /// Where it stood: `path`, `header referer`, or a field.
    pub field: String,
    /// Whether the request was refused for it.
    pub is_refused: bool,
    /// From where.
    pub from: String,
    /// For what class of route.
    pub class: String,
    /// The first such request.
    pub request_id: String,
    /// How many: one for the first, later the number of those that followed it within the minute.
    pub count: u64,
}

impl From<EntryView> for FindingView {
    fn from(entry: EntryView) -> Self {
        let text = |name: &str| {
            entry
                .extra
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let number = |name: &str| entry.extra.get(name).and_then(Value::as_u64).unwrap_or_default();
        Self {
            timestamp: entry.timestamp,
            attack: text("attack"),
            rule: text("rule"),
            score: number("score"),
            field: text("field"),
            is_refused: text("why") == REFUSED,
            from: text("from"),
            class: text("class"),
            request_id: text("request"),
            count: number("count"),
        }
    }
}

/// What an entry says of a request that was refused, and of one that was let through.
const REFUSED: &str = "input-refused";
const REPORTED: &str = "input-reported";

impl Records {
    /// Writes a finding down.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub async fn inspected(&self, finding: InputFinding) -> Result<(), StoreError> {
        self.store
            .write(&self.of_host::<act::RecordFinding>(), async move |tx| {
                tx.note("why", if finding.is_refused { REFUSED } else { REPORTED });
                tx.note("attack", finding.attack);
                tx.note("rule", finding.rule);
                tx.note("score", finding.score);
                tx.note("field", finding.field.clone());
                tx.note("from", json!(finding.client));
                tx.note("class", finding.class.clone());
                tx.note("request", json!(finding.request));
                tx.note("count", finding.count);
                if finding.is_refused {
                    tx.note_denied();
                }
                Ok(())
            })
            .await
    }

    /// What inspection found, newest first. Reading it is reading the log, and leaves an entry as that does.
    ///
    /// # Errors
    /// [`RecordsError`] if the store cannot be read or written.
    pub async fn findings(
        &self,
        permit: &Permit<act::ReadAudit>,
        page: &PageRequest,
    ) -> Result<Page<FindingView>, RecordsError> {
        let filter = RecordFilter {
            action: Some(act::RecordFinding::SPEC.name.to_owned()),
            ..RecordFilter::default()
        };
        Ok(self.search(permit, filter, page).await?.map(FindingView::from))
    }
}
