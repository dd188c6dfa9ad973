//! A rotation of the cluster CA, to its end: every node is told, and the old CA retires when all have moved. Every Host on
//! the database does its part: who began it may be gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use watchroom_fleet::{Fleet, FleetEvent};
use watchroom_kit::Ambient;
use watchroom_link::{ConnectFault, Hub};
use watchroom_trust::ClusterCa;

/// How often it is looked whether all nodes have moved, and whether what could not be taken up now can.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// Follows rotations until the tasks stop.
pub(crate) fn follow(ca: &Arc<ClusterCa>, hub: &Hub, fleet: &Fleet, ambient: &Ambient) {
    tell_nodes(ca, hub, fleet, ambient);
    let (ca, fleet, now) = (Arc::clone(ca), fleet.clone(), ambient.clone());
    ambient.tasks.spawn("follow-rotation", async move {
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        loop {
            tick.tick().await;
            if let Err(error) = fleet.catch_up().await {
                tracing::error!(%error, "the cluster CAs cannot be read; trying again");
            }
            let Some(until) = ca.retires_at() else { continue };
            let signing = ca.fingerprint().to_string();
            let left = fleet.certified_by_others(&signing);
            if !left.is_empty() && now.now() < until {
                continue;
            }
            match fleet.retire_ca().await {
                Ok(true) => tracing::info!(
                    nodes.left = left.len(),
                    "the old cluster CA has retired; {signing} is trusted alone"
                ),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "the old cluster CA is still trusted: that it retires cannot be written down");
                }
            }
        }
    });
}

/// Tells the nodes that are linked here of every change, whichever Host made it, and cuts those that have stayed behind.
/// Who is not told now is told when it is linked again.
fn tell_nodes(ca: &Arc<ClusterCa>, hub: &Hub, fleet: &Fleet, ambient: &Ambient) {
    let (ca, hub, fleet, mut events) = (Arc::clone(ca), hub.clone(), fleet.clone(), fleet.events());
    ambient.tasks.spawn("tell-authorities", async move {
        loop {
            match events.recv().await {
                Ok(FleetEvent::Authorities) | Err(RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            }
            if ca.retires_at().is_none() {
                cut_left_behind(&ca, &hub, &fleet).await;
            }
            hub.tell_anchors().await;
        }
    });
}

async fn cut_left_behind(ca: &ClusterCa, hub: &Hub, fleet: &Fleet) {
    for node in fleet.certified_by_others(&ca.fingerprint().to_string()) {
        let why = "it is by a CA that has retired".to_owned();
        hub.cut(node, ConnectFault::CertificateUnknown { why }).await;
    }
}
