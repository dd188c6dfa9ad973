//! Several Hosts: a node holds a link to each, and what happens to one is nothing to the other.

use std::sync::atomic::Ordering;

use watchroom_link::ConnectFault;
use watchroom_model::{NodeId, OrderOutcome, ServerOrder};

use crate::room::{PATIENCE, Room, soon};

#[tokio::test]
async fn a_node_holds_a_link_to_each_host_and_takes_orders_from_both() {
    let (one, node, other) = two().await;
    let order = |room: &Room, key: &str| room.envelope(key, ServerOrder::Start(room.server()), PATIENCE);
    for (room, key) in [(&one, "a"), (&other, "b")] {
        let link = room.linked(node.id).await;
        let answer = soon(link.order(order(room, key))).await;
        assert!(matches!(answer, Ok(OrderOutcome::Done { .. })), "{answer:?}");
    }
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 2);
    assert_eq!(one.roll.fenced(node.id), None);
}

#[tokio::test]
async fn a_host_that_is_lost_changes_nothing_for_the_link_to_the_other() {
    let (one, node, other) = two().await;
    let untouched = other.linked(node.id).await;
    let before = one.linked(node.id).await;
    for _ in 0..3 {
        one.cut();
        soon(async {
            while one
                .hub
                .link(node.id)
                .is_none_or(|link| link.hello().epoch == before.hello().epoch)
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert!(!untouched.is_ended());
    // Two links of one agent are no two copies, in whatever order their numbers arrive.
    soon(one.hub.compare(node.id)).await;
    soon(other.hub.compare(node.id)).await;
    assert_eq!(one.roll.fenced(node.id), None);
    assert!(!untouched.is_ended());
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named_while_the_other_has_its_link() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.addresses = vec!["nowhere.invalid:7443".to_owned(), room.address.to_string()];
    let mut node = room.start(id, settings);
    room.linked(id).await;
    node.down(|why| matches!(why, ConnectFault::NameNotFound { .. }))
        .await;
    assert!(room.hub.link(id).is_some());
}

#[tokio::test]
async fn two_addresses_of_one_host_make_one_link_and_the_other_is_named() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    let same = format!("localhost:{}", room.address.port());
    settings.addresses = vec![room.address.to_string(), same];
    let mut node = room.start(id, settings);
    let link = room.linked(id).await;
    let why = node
        .down(|why| matches!(why, ConnectFault::SameHost { .. }))
        .await;
    assert!(why.to_string().contains("leads to the same Host as"), "{why}");
    assert_eq!(room.linked(id).await.hello().epoch, link.hello().epoch);
}

/// Two Hosts of one cluster, and a node that is linked to both.
async fn two() -> (std::sync::Arc<Room>, crate::room::Node, std::sync::Arc<Room>) {
    let one = Room::open().await;
    let other = one.replica().await;
    let id = NodeId::mint(&one.ambient);
    let mut settings = one.settings_for(id);
    settings.addresses = vec![one.address.to_string(), other.address.to_string()];
    let mut node = one.start(id, settings);
    node.up().await;
    one.linked(id).await;
    other.linked(id).await;
    (one, node, other)
}
