//! Signed orders: what the node's own Host has not signed, for this node, now, is not done and written down.

use std::sync::atomic::Ordering;
use std::time::Duration;

use watchroom_kit::{Ambient, Clock};
use watchroom_link::LinkError;
use watchroom_model::{NodeId, ServerOrder};

use crate::room::{Node, PATIENCE, Room, soon};

/// Gives the node an order over its link to this Host, and says why it was not believed.
async fn disbelieved(room: &Room, node: &Node) -> String {
    let link = room.linked(node.id).await;
    let order = room.envelope("forged", ServerOrder::Start(room.server()), PATIENCE);
    let answer = soon(link.order(order)).await;
    let Err(LinkError::Refused { code, why }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(code, "not_proven");
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 0);
    assert_eq!(
        *node.agent.disbelieved.lock().unwrap(),
        [("forged".to_owned(), why.clone())]
    );
    why
}

#[tokio::test]
async fn an_order_under_another_clusters_certificate_is_not_done() {
    let (room, stranger) = (Room::open().await, Room::open().await);
    // Somebody who has the Host's place on the network and its link, but not the key that signs orders.
    let forger = room.replica_signing_by(&stranger.ca).await;
    let (node, _link) = forger.node().await;
    let why = disbelieved(&forger, &node).await;
    assert!(why.contains("this cluster's Hosts"), "{why}");
}

#[tokio::test]
async fn an_order_that_was_signed_for_another_node_is_not_done() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.node = NodeId::mint(&room.ambient);
    let node = room.start(id, settings);
    let why = disbelieved(&room, &node).await;
    assert!(why.contains("not one over this order"), "{why}");
}

#[tokio::test]
async fn an_order_whose_signature_is_over_is_not_done() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let ahead = Ambient {
        clock: Clock::manual(room.ambient.now()),
        ..room.ambient.clone()
    };
    let node = room.start_with(id, room.settings_for(id), ahead.clone());
    room.linked(id).await;
    // It was held up on its way for longer than it holds.
    ahead.clock.advance(Duration::from_secs(3_600));
    let why = disbelieved(&room, &node).await;
    assert!(why.contains("ended"), "{why}");
}
