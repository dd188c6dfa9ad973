//! Signed orders and inquiries: what the node's own Host has not signed, for this node, now, is neither done nor
//! shown, and written down.

use std::sync::atomic::Ordering;
use std::time::Duration;

use watchroom_kit::{Ambient, Clock};
use watchroom_link::{ConsoleFrom, LinkError};
use watchroom_model::{Look, NodeId, ServerOrder, ServerStatus};

use crate::room::{Node, PATIENCE, Room, asker, soon};

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

/// Asks the node for all that it can show, over its link to this Host, and says why it showed nothing.
async fn unseen(room: &Room, node: &Node) -> String {
    let link = room.linked(node.id).await;
    let server = room.server();
    node.agent.report(server, ServerStatus::Running);
    let console = link.console(asker(), server, ConsoleFrom::Offset(0), true);
    let metrics = link.metrics(asker(), room.ambient.now());
    let answers = [
        soon(console).await.map(drop),
        soon(link.ping(asker(), &room.ambient.clock)).await.map(drop),
        soon(metrics).await.map(drop),
    ];
    for answer in &answers {
        assert!(
            matches!(answer, Err(LinkError::Refused { code, .. }) if code == "not_proven"),
            "{answer:?}"
        );
    }
    let unseen = node.agent.unseen.lock().unwrap();
    let [
        (Look::Console { .. }, why),
        (Look::Status, of_status),
        (Look::Metrics { .. }, of_metrics),
    ] = unseen.as_slice()
    else {
        panic!("{unseen:?}")
    };
    // How long ago a signature ended differs, if anything does.
    let cause = |why: &str| why.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(
        [of_status, of_metrics].map(|other| cause(other)),
        [why, why].map(|why| cause(why))
    );
    why.clone()
}

#[tokio::test]
async fn what_the_nodes_own_host_has_signed_for_somebody_is_shown() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let (_, status) = soon(link.ping(asker(), &room.ambient.clock)).await.unwrap();
    assert_eq!(status.name.as_str(), "harbour");
    assert_eq!(soon(link.metrics(asker(), room.ambient.now())).await.unwrap(), []);
    assert!(node.agent.unseen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_shown_under_another_clusters_certificate() {
    let (room, stranger) = (Room::open().await, Room::open().await);
    let forger = room.replica_signing_by(&stranger.ca).await;
    let (node, _link) = forger.node().await;
    let why = unseen(&forger, &node).await;
    assert!(why.contains("this cluster's Hosts"), "{why}");
}

#[tokio::test]
async fn nothing_is_shown_that_was_signed_for_another_node() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.node = NodeId::mint(&room.ambient);
    let node = room.start(id, settings);
    let why = unseen(&room, &node).await;
    assert!(why.contains("not one over this order"), "{why}");
}

#[tokio::test]
async fn nothing_is_shown_whose_signature_is_over() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let ahead = Ambient {
        clock: Clock::manual(room.ambient.now()),
        ..room.ambient.clone()
    };
    let node = room.start_with(id, room.settings_for(id), ahead.clone());
    room.linked(id).await;
    ahead.clock.advance(Duration::from_secs(3_600));
    let why = unseen(&room, &node).await;
    assert!(why.contains("ended"), "{why}");
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
