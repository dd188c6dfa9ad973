//! The two streams by which every link tells how things are: heartbeats and reports.

use std::sync::Arc;

use watchroom_model::{Heartbeat, ServerReport};

use super::{LinkEvent, NodeLink, Shared};
use crate::{LinkError, wire};

/// Reads heartbeats until the stream ends.
pub(super) async fn heartbeats(shared: &Shared, link: &NodeLink) -> Result<(), LinkError> {
    let every_ms = u64::try_from(shared.settings.heartbeat_every.as_millis()).unwrap_or(u64::MAX);
    let mut client = link.client();
    let mut beats = link
        .opened(client.heartbeats(wire::HeartbeatsRequest { every_ms }))
        .await?;
    while let Some(message) = next(&mut beats).await? {
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
    while let Some(message) = next(&mut messages).await? {
        let reports: Vec<ServerReport> = wire::answer(&message.reports_json)?;
        if message.is_snapshot {
            link.note_all(&reports);
            shared.registry.emit_of(
                node,
                link.epoch(),
                LinkEvent::Reports {
                    node,
                    all: Arc::new(reports),
                },
            );
            continue;
        }
        for report in reports.into_iter().map(Arc::new) {
            link.note_report(&report);
            shared
                .registry
                .emit_of(node, link.epoch(), LinkEvent::Report { node, report });
        }
    }
    Ok(())
}

pub(super) async fn next<T>(messages: &mut tonic::Streaming<T>) -> Result<Option<T>, LinkError> {
    let next = messages.message().await;
    next.map_err(|status| LinkError::Lost {
        why: status.message().to_owned(),
        may_still_happen: false,
    })
}
