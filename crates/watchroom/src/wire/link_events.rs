//! What happens on the links becomes what the fleet knows.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use watchroom_fleet::{Fleet, FleetEvent};
use watchroom_kit::Tasks;
use watchroom_link::{Hub, LinkEvent};

use super::admission::{is_its_key, standing};
use super::reports::Reports;

/// How often nodes are looked at for silence: a missed heartbeat shows within a second of its deadline.
const SILENCE_WATCHED_EVERY: Duration = Duration::from_millis(500);

/// Follows the hub until the tasks stop.
pub(crate) fn follow(hub: &Hub, fleet: &Fleet, tasks: &Tasks) {
    let (mut events, linked, heard) = (hub.events(), hub.clone(), fleet.clone());
    let mut reports = Reports::new(hub, fleet, tasks);
    // Nothing here waits, so that no node holds up what the others say.
    tasks.spawn("follow-links", async move {
        loop {
            match events.recv().await {
                Ok(event) => keep(&heard, &mut reports, event),
                Err(RecvError::Lagged(_)) => catch_up(&linked, &heard, &mut reports),
                Err(RecvError::Closed) => return,
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

fn keep(fleet: &Fleet, reports: &mut Reports, event: LinkEvent) {
    match event {
        LinkEvent::Up { node, .. } => fleet.link_up(node),
        LinkEvent::Down { node, why } | LinkEvent::Refused { node, why } => {
            fleet.link_down(node, why.to_string());
        }
        LinkEvent::Heartbeat { node, heartbeat, at } => fleet.heard(node, heartbeat, at),
        LinkEvent::Report { node, report } => reports.one(node, report),
        LinkEvent::Reports { node } => reports.all(node),
    }
}

/// Reads anew what was missed.
fn catch_up(hub: &Hub, fleet: &Fleet, reports: &mut Reports) {
    for node in hub.nodes() {
        let Some(link) = hub.link(node) else { continue };
        // By when it came: whoever fell silent since is not heard now.
        if let Some((heartbeat, at)) = link.heartbeat() {
            fleet.heard(node, heartbeat, at);
        }
        reports.all(node);
    }
}
