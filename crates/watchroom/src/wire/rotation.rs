//! A rotation of the cluster CA, to its end: every node is told, and the old CA retires when all have moved.

use std::sync::Arc;
use std::time::Duration;

use watchroom_fleet::Fleet;
use watchroom_kit::Ambient;
use watchroom_link::{ConnectFault, Hub};
use watchroom_trust::ClusterCa;

/// How often it is looked whether all nodes have moved.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// Follows rotations until the tasks stop.
pub(crate) fn follow(ca: &Arc<ClusterCa>, hub: &Hub, fleet: &Fleet, ambient: &Ambient) {
    let (ca, hub, fleet, now) = (Arc::clone(ca), hub.clone(), fleet.clone(), ambient.clone());
    ambient.tasks.spawn("follow-rotation", async move {
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        loop {
            tick.tick().await;
            let Some(until) = ca.retires_at() else { continue };
            let signing = ca.fingerprint().to_string();
            let left = fleet.certified_by_others(&signing);
            if !left.is_empty() && now.now() < until {
                continue;
            }
            match ca.retire() {
                Ok(_) => {
                    tracing::info!(
                        nodes.left = left.len(),
                        "the old cluster CA has retired; {signing} is trusted alone"
                    );
                    let why = "it is by a CA that has retired".to_owned();
                    for node in left {
                        hub.cut(node, ConnectFault::CertificateUnknown { why: why.clone() })
                            .await;
                    }
                    hub.tell_anchors().await;
                }
                Err(error) => {
                    tracing::error!(%error, "the old cluster CA is still trusted: it cannot be removed");
                }
            }
        }
    });
}
