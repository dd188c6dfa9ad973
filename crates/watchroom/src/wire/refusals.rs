//! Refusals of the evaluator and of the edge become entries of the audit log.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use watchroom_kit::Tasks;
use watchroom_model::RequestId;
use watchroom_policy::{Refusal, Trail};
use watchroom_records::{InputFinding, Records, Refusals, Suspicion};
use watchroom_shield::{RefusedEvent, RouteClass, Shield, ShieldEvent, SpottedEvent};
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
            let noted = match events.recv().await {
                Ok(ShieldEvent::Refused(event)) => records.suspect(suspicion(&event)).await,
                Ok(ShieldEvent::Spotted(event)) => records.inspected(finding(&event)).await,
                Ok(ShieldEvent::Decoy { client, path, .. }) => records.suspect(touch(client, path)).await,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = noted {
                tracing::error!(%error, "a refusal of the edge could not be written to the audit log");
            }
        }
    });
}

fn suspicion(event: &RefusedEvent) -> Suspicion {
    Suspicion {
        why: event.why,
        client: event.client,
        class: word(event.class),
        path: None,
        count: event.count,
    }
}

/// Nobody has reason to ask for a decoy; whether it also leads to a ban, the defence weighs.
fn touch(client: IpAddr, path: String) -> Suspicion {
    Suspicion {
        why: "decoy",
        client,
        class: word(RouteClass::Page),
        path: Some(path),
        count: 1,
    }
}

fn finding(event: &SpottedEvent) -> InputFinding {
    InputFinding {
        attack: event.spotted.class().name(),
        rule: event.spotted.rule.id(),
        score: event.spotted.score,
        field: event.spotted.field.clone(),
        is_refused: event.spotted.is_refused,
        client: event.client,
        class: word(event.class),
        request: RequestId::from(event.request_id),
        count: event.count,
    }
}

fn word(class: RouteClass) -> String {
    let class = serde_json::to_value(class).ok();
    class
        .and_then(|class| class.as_str().map(str::to_owned))
        .unwrap_or_default()
}
