//! What changes in the fleet and in the audit log is told to those who listen and may hear it.

use std::pin::pin;
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
/// More changes at once than can be told cut off every listener, at most this often: each asks for everything again.
const LOST_TRACK_EVERY: Duration = Duration::from_secs(5);

/// Feeds until the tasks stop.
pub(crate) fn feed(feed: &Feed, fleet: &Fleet, store: &Store, tasks: &Tasks) {
    tasks.spawn("feed-fleet", feed_fleet(feed.clone(), fleet.clone()));
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

/// Goes on telling when some changes were missed; soon all who listen are sent to read the state anew.
async fn feed_fleet(feed: Feed, fleet: Fleet) {
    let mut events = fleet.events();
    let mut lost_track = pin!(tokio::time::sleep(Duration::MAX));
    let mut has_lost_track = false;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => tell(&feed, &fleet, event),
                Err(RecvError::Lagged(_)) if has_lost_track => {}
                Err(RecvError::Lagged(_)) => {
                    has_lost_track = true;
                    lost_track.set(tokio::time::sleep(LOST_TRACK_EVERY));
                }
                Err(RecvError::Closed) => return,
            },
            () = &mut lost_track, if has_lost_track => {
                has_lost_track = false;
                feed.lose_track();
            }
        }
    }
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
