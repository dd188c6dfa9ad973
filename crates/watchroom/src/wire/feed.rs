//! What changes in the fleet and in the audit log is told to those who listen and may hear it.

use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use watchroom_fleet::{Fleet, FleetEvent};
use watchroom_kit::Tasks;
use watchroom_policy::{Resource, ResourceKind, Target, permission};
use watchroom_store::{Changed, Store};
use watchroom_web::{Feed, News};

/// The audit log grows with every act; listeners are told at most this often.
const AUDIT_TOLD_EVERY: Duration = Duration::from_millis(250);
/// More changes at once than can be told cut off every listener, at most this often.
const LOST_TRACK_EVERY: Duration = Duration::from_secs(5);

/// Feeds until the tasks stop.
pub(crate) fn feed(feed: &Feed, fleet: &Fleet, store: &Store, tasks: &Tasks) {
    let (mut events, told, known) = (fleet.events(), feed.clone(), fleet.clone());
    tasks.spawn("feed-fleet", async move {
        loop {
            match events.recv().await {
                Ok(event) => tell(&told, &known, event),
                Err(RecvError::Lagged(_)) => {
                    // Whoever is cut off asks for everything again: not at once, while more of the same is on its way.
                    tokio::time::sleep(LOST_TRACK_EVERY).await;
                    events = known.events();
                    told.lose_track();
                }
                Err(RecvError::Closed) => return,
            }
        }
    });
    let (mut changes, told) = (store.changes(), feed.clone());
    tasks.spawn("feed-audit", async move {
        loop {
            match changes.recv().await {
                Ok(Changed::Audit | Changed::Everything) | Err(RecvError::Lagged(_)) => {
                    told.publish(News {
                        event: "audit",
                        about: None,
                        data: "{}".to_owned(),
                        needs: permission::AUDIT_READ,
                        on: Resource::all(ResourceKind::Audit),
                    });
                    tokio::time::sleep(AUDIT_TOLD_EVERY).await;
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
}

fn tell(feed: &Feed, fleet: &Fleet, event: FleetEvent) {
    match event {
        FleetEvent::Node(id) => {
            if let Some(node) = fleet.node(id) {
                feed.publish(News {
                    event: "node",
                    about: Some(id.as_uuid()),
                    data: json!({ "id": id }).to_string(),
                    needs: permission::NODES_READ,
                    on: node.resource(),
                });
            }
        }
        FleetEvent::JoinRequests => {
            feed.publish(News {
                event: "join_request",
                about: None,
                data: "{}".to_owned(),
                needs: permission::NODES_READ,
                on: Resource::all(ResourceKind::JoinRequest),
            });
        }
        // Nothing that is shown looks different; the links follow it themselves.
        FleetEvent::Authorities => {}
        // A listener has heard of the node itself; what is worth an alert is somebody else's to take up.
        FleetEvent::Turned(..) => {}
        FleetEvent::Server(id, node_id) => {
            let data = json!({ "id": id, "node_id": node_id }).to_string();
            // A removed server is told to those who could see its node: there is nothing else left of it.
            let on = match fleet.server(id) {
                Some(server) => Some(server.resource()),
                None => fleet.node(node_id).map(|node| node.resource()),
            };
            if let Some(on) = on {
                feed.publish(News {
                    event: "server",
                    about: Some(id.as_uuid()),
                    data,
                    needs: permission::COMPUTE_READ,
                    on,
                });
            }
        }
    }
}
