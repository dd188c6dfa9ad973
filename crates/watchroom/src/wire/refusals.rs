//! Refusals of the evaluator and of the edge become entries of the audit log.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use watchroom_kit::Tasks;
use watchroom_policy::{Refusal, Trail};
use watchroom_records::{Records, Refusals, Suspicion};
use watchroom_shield::{Shield, ShieldEvent};
use watchroom_web::RefusalLog;

/// Where callers' refusals go.
#[derive(Debug)]
pub(crate) struct ToRecords(pub(crate) Arc<Refusals>);

impl RefusalLog for ToRecords {
    fn refused(&self, refusal: &Refusal) {
        self.0.refused(refusal);
    }

    fn forged(&self, who: &str, trail: &Trail) {
        self.0.forged(who, trail);
    }
}

/// Writes down what the edge turns away, until the tasks stop.
pub(crate) fn follow_edge(shield: &Shield, records: &Records, tasks: &Tasks) {
    let (mut events, records) = (shield.events(), records.clone());
    tasks.spawn("follow-edge", async move {
        loop {
            let event = match events.recv().await {
                Ok(ShieldEvent::Refused(event)) => event,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let class = serde_json::to_value(event.class).ok();
            let class = class
                .and_then(|class| class.as_str().map(str::to_owned))
                .unwrap_or_default();
            let suspicion = Suspicion {
                why: event.why,
                client: event.client,
                class,
                count: event.count,
            };
            if let Err(error) = records.suspect(suspicion).await {
                tracing::error!(%error, "a refusal of the edge could not be written to the audit log");
            }
        }
    });
}
