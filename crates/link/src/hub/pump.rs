//! The two streams by which every link tells how things are: heartbeats and reports.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use watchroom_model::{Heartbeat, ServerReport};

use super::{LinkEvent, NodeLink, Shared};
use crate::{LinkError, Pace, wire};

/// Heartbeats that may come at once, after a way that was slow for a while.
const BEATS_AT_ONCE: u32 = 16;
/// One message of reports in this time is read from a node that has used up what may come at once. All events of all
/// nodes share a channel, which none may fill.
const REPORT_EVERY: Duration = Duration::from_millis(4);
/// Messages of reports that may come at once: what a machine has to say that stops a few thousand servers.
const REPORTS_AT_ONCE: u32 = 2_048;

/// Reads heartbeats until the stream ends.
pub(super) async fn heartbeats(shared: &Shared, link: &NodeLink) -> Result<(), LinkError> {
    let every_ms = u64::try_from(shared.settings.heartbeat_every.as_millis()).unwrap_or(u64::MAX);
    let begun = Instant::now();
    let mut pace = Pace::new(shared.settings.heartbeat_every / 2, BEATS_AT_ONCE);
    let mut client = link.client();
    let mut beats = link
        .opened(client.heartbeats(wire::HeartbeatsRequest { every_ms }))
        .await?;
    while let Some(message) = next(&mut beats).await? {
        if pace.take(begun.elapsed()).is_err() {
            // Nobody has asked for so many; the next one in time says the same.
            continue;
        }
        let heartbeat: Arc<Heartbeat> = Arc::new(wire::answer(&message.heartbeat_json)?);
        let (node, at) = (link.node(), shared.ambient.now());
        link.note_heartbeat(&heartbeat, at);
        shared
            .registry
            .emit_of(node, link.epoch(), LinkEvent::Heartbeat { node, heartbeat, at });
    }
    Ok(())
}

/// Reads reports until the stream ends.
pub(super) async fn reports(shared: &Shared, link: &NodeLink) -> Result<(), LinkError> {
    let mut client = link.client();
    let mut messages = link.opened(client.reports(wire::ReportsRequest {})).await?;
    let node = link.node();
    let begun = Instant::now();
    let mut pace = Pace::new(REPORT_EVERY, REPORTS_AT_ONCE);
    while let Some(message) = next(&mut messages).await? {
        // Until then no more are read: a node that has too much to say waits with it, and tells of all its servers anew.
        turn(&mut pace, begun).await;
        let reports: Vec<ServerReport> = wire::answer(&message.reports_json)?;
        if message.is_snapshot {
            link.note_all(reports)?;
            shared
                .registry
                .emit_of(node, link.epoch(), LinkEvent::Reports { node });
            continue;
        }
        for (number, report) in reports.into_iter().map(Arc::new).enumerate() {
            // One message may hold a hundred thousand.
            if number > 0 {
                turn(&mut pace, begun).await;
            }
            link.note_report(&report)?;
            shared
                .registry
                .emit_of(node, link.epoch(), LinkEvent::Report { node, report });
        }
    }
    Ok(())
}

/// Waits for a turn.
async fn turn(pace: &mut Pace, begun: Instant) {
    while let Err(wait) = pace.take(begun.elapsed()) {
        sleep(wait).await;
    }
}

pub(super) async fn next<T>(messages: &mut tonic::Streaming<T>) -> Result<Option<T>, LinkError> {
    let next = messages.message().await;
    next.map_err(|status| LinkError::Lost {
        why: status.message().to_owned(),
        may_still_happen: false,
    })
}
