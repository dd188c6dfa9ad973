//! A bad way: whatever it does, an order is done once or not at all, both ends name what happened, and a stall
//! that is shorter than the deadline is no fault.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use watchroom_kit::{Entropy, Fault};
use watchroom_link::{ConnectFault, LinkError, LinkEvent, NodeLink};
use watchroom_model::{NodeId, OrderOutcome, ServerOrder};

use crate::room::{Node, PATIENCE, Room, event, soon};
use watchroom_testkit_way::{Proxy, Way};

/// A node whose way to the Host misbehaves as told.
async fn behind() -> (Arc<Room>, Node, Proxy) {
    let room = Room::open().await;
    let proxy = Proxy::to(room.address, &room.ambient.tasks).await;
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.addresses = vec![proxy.address.to_string()];
    settings.link.hello_patience = Duration::from_secs(2);
    let mut node = room.start(id, settings);
    node.up().await;
    room.linked(id).await;
    (room, node, proxy)
}

/// The node's next link after this one.
async fn next(room: &Room, node: NodeId, after: &NodeLink) -> NodeLink {
    soon(async {
        loop {
            match room.hub.link(node) {
                Some(link) if link.hello().epoch > after.hello().epoch => return link,
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn orders_over_a_way_that_is_cut_again_and_again_are_each_done_once() {
    let (room, node, proxy) = behind().await;
    let chance = Entropy::seeded(7);
    for number in 0..40 {
        let order = room.envelope(
            &format!("order-{number}"),
            ServerOrder::Start(room.server()),
            PATIENCE,
        );
        let [wait, ..] = chance.bytes::<1>();
        let cut = async {
            tokio::time::sleep(Duration::from_micros(u64::from(wait) * 20)).await;
            proxy.cut();
        };
        // Whoever gets no answer asks again with the same key, over whatever link there is then.
        let ask = async {
            loop {
                let link = room.linked(node.id).await;
                match link.order(order.clone()).await {
                    Ok(outcome) => return outcome,
                    Err(LinkError::Lost { .. } | LinkError::NotConnected { .. }) => {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        };
        let (outcome, ()) = soon(async { tokio::join!(ask, cut) }).await;
        assert!(matches!(outcome, OrderOutcome::Done { .. }), "{outcome:?}");
        assert_eq!(node.agent.done.load(Ordering::SeqCst), number + 1);
    }
    assert_eq!(room.roll.fenced(node.id), None);
}

#[tokio::test]
async fn a_stall_shorter_than_the_deadline_is_no_fault() {
    let (room, node, proxy) = behind().await;
    let mut events = room.hub.events();
    let link = room.linked(node.id).await;
    for _ in 0..5 {
        proxy.set(Way::Silent);
        // Far less than the two seconds and a half after which silence counts here.
        tokio::time::sleep(Duration::from_millis(400)).await;
        proxy.set(Way::Slow(Duration::from_millis(20)));
        let order = room.envelope(
            &room.ambient.uuid().to_string(),
            ServerOrder::Start(room.server()),
            PATIENCE,
        );
        assert!(matches!(
            soon(link.order(order)).await,
            Ok(OrderOutcome::Done { .. })
        ));
    }
    assert!(!link.is_ended());
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event, LinkEvent::Down { .. }), "{event:?}");
    }
}

#[tokio::test]
async fn a_way_that_goes_silent_in_the_middle_of_an_order_is_named_and_the_order_is_done_once() {
    let (room, mut node, proxy) = behind().await;
    let link = room.linked(node.id).await;
    node.agent.is_held.send_replace(true);
    let order = room.envelope("k", ServerOrder::Start(room.server()), PATIENCE);
    let silence = async {
        soon(node.agent.begun.notified()).await;
        proxy.set(Way::Silent);
        node.agent.is_held.send_replace(false);
    };
    let (answer, ()) = soon(async { tokio::join!(link.order(order.clone()), silence) }).await;
    let lost = answer.unwrap_err();
    assert!(lost.may_still_happen() && lost.slug() == "link-lost", "{lost}");
    let why = node.down(|why| matches!(why, ConnectFault::Lost { .. })).await;
    assert!(why.to_string().contains("keep-alive"), "{why}");
    // Behind a dead router nothing answers the next dial either.
    node.down(|why| matches!(why, ConnectFault::TimedOut { .. }))
        .await;
    proxy.cut();
    proxy.set(Way::Open);
    let link = next(&room, node.id, &link).await;
    assert!(matches!(
        soon(link.order(order)).await,
        Ok(OrderOutcome::Done { .. })
    ));
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_byte_that_was_flipped_on_the_way_ends_the_link_and_nothing_wrong_is_done() {
    let (room, node, proxy) = behind().await;
    let mut link = room.linked(node.id).await;
    for number in 0..8 {
        let mut events = room.hub.events();
        proxy.flip_in(40 + number * 7);
        let order = room.envelope(&format!("k{number}"), ServerOrder::Start(room.server()), PATIENCE);
        let answer = soon(link.order(order.clone())).await;
        assert!(matches!(answer, Err(LinkError::Lost { .. })), "{answer:?}");
        let down = event(&mut events, |event| match event {
            LinkEvent::Down { why, .. } => Some(why),
            _ => None,
        });
        assert!(matches!(down.await, ConnectFault::Lost { .. }));
        link = next(&room, node.id, &link).await;
        // The flipped byte reached nobody: the order had not been done, and is done now.
        assert!(matches!(
            soon(link.order(order)).await,
            Ok(OrderOutcome::Done { .. })
        ));
        assert_eq!(node.agent.done.load(Ordering::SeqCst) as u64, number + 1);
    }
}

#[tokio::test]
async fn a_host_that_is_gone_is_named_and_found_again_when_it_is_back() {
    let (room, mut node, proxy) = behind().await;
    let link = room.linked(node.id).await;
    proxy.set(Way::Shut);
    node.down(|why| matches!(why, ConnectFault::Lost { .. } | ConnectFault::NotAHost { .. }))
        .await;
    proxy.set(Way::Open);
    let again = next(&room, node.id, &link).await;
    node.up().await;
    assert_eq!(again.hello().agent, link.hello().agent);
    assert_eq!(room.roll.fenced(node.id), None);
}
