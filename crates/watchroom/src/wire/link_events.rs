//! What happens on the links becomes what the fleet knows.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use watchroom_fleet::{Fleet, FleetEvent};
use watchroom_kit::Tasks;
use watchroom_link::{Hub, LinkEvent};
use watchroom_store::StoreError;

use super::admission::{is_its_key, standing};

/// How often nodes are looked at for silence: a missed heartbeat shows within a second of its deadline.
const SILENCE_WATCHED_EVERY: Duration = Duration::from_millis(500);

/// Follows the hub until the tasks stop.
pub(crate) fn follow(hub: &Hub, fleet: &Fleet, tasks: &Tasks) {
    let (mut events, linked, heard) = (hub.events(), hub.clone(), fleet.clone());
    tasks.spawn("follow-links", async move {
        loop {
            let kept = match events.recv().await {
                Ok(event) => keep(&heard, event).await,
                Err(RecvError::Lagged(_)) => catch_up(&linked, &heard).await,
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = kept {
                tracing::error!(%error, "what a node said could not be kept; its next report will say it again");
            }
        }
    });
    cut_links(hub, fleet, tasks);
    let watched = fleet.clone();
    tasks.spawn("watch-silence", async move {
        let mut tick = tokio::time::interval(SILENCE_WATCHED_EVERY);
        loop {
            tick.tick().await;
            watched.watch_silence();
        }
    });
}

/// Cuts the link of every node that may have none any more: revoked, locked, fenced or replaced, by this Host or another.
fn cut_links(hub: &Hub, fleet: &Fleet, tasks: &Tasks) {
    let (mut events, hub, fleet, parts) = (fleet.events(), hub.clone(), fleet.clone(), tasks.clone());
    tasks.spawn("cut-links", async move {
        loop {
            let nodes = match events.recv().await {
                Ok(FleetEvent::Node(node)) => vec![node],
                Ok(_) => continue,
                Err(RecvError::Lagged(_)) => hub.nodes(),
                Err(RecvError::Closed) => return,
            };
            for node in nodes {
                let its_key = hub
                    .link(node)
                    .map_or(Ok(()), |link| is_its_key(&fleet, node, link.key()));
                let (hub, standing) = (hub.clone(), standing(&fleet, node).and(its_key));
                // Telling a node why takes up to a second, which nobody else waits for.
                parts.spawn("cut-link", async move {
                    match standing {
                        Err(why) => drop(hub.cut(node, why).await),
                        Ok(()) => hub.compare(node).await,
                    }
                });
            }
        }
    });
}

async fn keep(fleet: &Fleet, event: LinkEvent) -> Result<(), StoreError> {
    match event {
        LinkEvent::Up { node, .. } => fleet.link_up(node),
        LinkEvent::Down { node, why } => fleet.link_down(node, why.to_string()),
        LinkEvent::Refused { node, why } => {
            tracing::warn!(node.id = %node, "a node was not let in: {why}");
            fleet.link_down(node, why.to_string());
        }
        LinkEvent::Heartbeat { node, heartbeat, .. } => fleet.heard(node, heartbeat),
        LinkEvent::Report { node, report } => fleet.reported(node, (*report).clone()).await?,
        LinkEvent::Reports { node, all } => fleet.reported_all(node, all.to_vec()).await?,
    }
    Ok(())
}

/// Reads anew what was missed.
async fn catch_up(hub: &Hub, fleet: &Fleet) -> Result<(), StoreError> {
    for node in hub.nodes() {
        let Some(link) = hub.link(node) else { continue };
        if let Some((heartbeat, _)) = link.heartbeat() {
            fleet.heard(node, heartbeat);
        }
        let reports = link.reports().iter().map(|report| (**report).clone()).collect();
        fleet.reported_all(node, reports).await?;
    }
    Ok(())
}
