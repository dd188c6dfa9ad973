//! Who is banned: told to a node that can be told, whole when it is linked and then change by change.

use std::sync::atomic::Ordering;

use watchroom_kit::{Ambient, Clock};
use watchroom_model::{BanNews, BarredFrom, BarredList, BarredNetwork, HEARS_BANS, NodeId, ServerOrder};

use super::room::{Node, PATIENCE, Room, soon};

fn barred(network: &str) -> BarredNetwork {
    BarredNetwork {
        network: network.to_owned(),
        from: BarredFrom::Everything,
    }
}

fn list(networks: &[&str]) -> BarredList {
    networks
        .iter()
        .map(|network| (barred(network), i64::MAX))
        .collect()
}

/// A node that can be told, before its link is up.
fn listener(room: &Room, signed_for: Option<NodeId>, ambient: Ambient) -> Node {
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.capabilities = vec![HEARS_BANS.to_owned()];
    settings.node = signed_for.unwrap_or(id);
    room.start_with(id, settings, ambient)
}

/// The news that the node has heard, once there are so many.
async fn heard(node: &Node, count: usize) -> Vec<BanNews> {
    let mut told = node.agent.told.subscribe();
    soon(told.wait_for(|told| told.len() >= count))
        .await
        .unwrap()
        .clone()
}

fn networks(news: &BanNews) -> Vec<&str> {
    news.barred
        .iter()
        .map(|bar| bar.barred.network.as_str())
        .collect()
}

#[tokio::test]
async fn a_node_is_told_all_when_it_is_linked_and_then_what_changes() {
    let room = Room::open().await;
    room.hub.bar(list(&["192.0.2.7/32", "2001:db8::/64"]));
    let node = listener(&room, None, room.ambient.clone());
    let all = heard(&node, 1).await;
    assert_eq!(networks(&all[0]), ["192.0.2.7/32", "2001:db8::/64"]);
    assert!(all[0].ends_list && all[0].follows.is_none());

    room.hub.bar(list(&["2001:db8::/64", "192.0.2.9/32"]));
    let news = heard(&node, 3).await;
    assert_eq!(
        (networks(&news[1]), news[1].follows),
        (vec!["192.0.2.9/32"], Some(news[0].version))
    );
    assert_eq!(
        (&*news[2].lifted, news[2].follows),
        (&[barred("192.0.2.7/32")][..], Some(news[1].version))
    );

    // The same again is no news.
    room.hub.bar(list(&["2001:db8::/64", "192.0.2.9/32"]));
    room.hub.bar(list(&[]));
    let news = heard(&node, 4).await;
    assert_eq!(news[3].lifted.len(), 2);
}

#[tokio::test]
async fn a_list_of_many_comes_in_pieces_and_what_is_over_does_not_come() {
    let room = Room::open().await;
    let mut many: BarredList = (0..4_500u32)
        .map(|one| (barred(&format!("{}/32", std::net::Ipv4Addr::from(one))), i64::MAX))
        .collect();
    many.insert(barred("192.0.2.7/32"), room.ambient.clock.now_micros() - 1);
    room.hub.bar(many);
    let node = listener(&room, None, room.ambient.clone());
    let news = heard(&node, 3).await;
    let sizes: Vec<_> = news
        .iter()
        .map(|piece| (piece.barred.len(), piece.ends_list))
        .collect();
    assert_eq!(sizes, [(2_000, false), (2_000, false), (500, true)]);
}

#[tokio::test]
async fn a_node_that_lost_count_is_told_all_of_it_again() {
    let room = Room::open().await;
    let node = listener(&room, None, room.ambient.clone());
    heard(&node, 1).await;
    node.agent.is_astray.store(true, Ordering::SeqCst);
    room.hub.bar(list(&["192.0.2.7/32"]));
    let news = heard(&node, 3).await;
    assert!(news[1].follows.is_some());
    assert!(news[2].follows.is_none() && news[2].ends_list);
    assert_eq!(networks(&news[2]), ["192.0.2.7/32"]);
}

#[tokio::test]
async fn a_node_of_an_older_version_is_not_told_and_does_its_orders() {
    let room = Room::open().await;
    room.hub.bar(list(&["192.0.2.7/32"]));
    let (node, link) = room.node().await;
    room.hub.bar(list(&["192.0.2.8/32"]));
    let order = room.envelope("k1", ServerOrder::Start(room.server()), PATIENCE);
    link.order(order).await.unwrap();
    assert!(node.agent.told.borrow().is_empty());
    assert!(!link.is_ended());
}

#[tokio::test]
async fn news_that_were_signed_for_another_node_or_too_long_ago_are_not_believed() {
    let room = Room::open().await;
    room.hub.bar(list(&["192.0.2.7/32"]));
    let another = Some(NodeId::mint(&room.ambient));
    let node = listener(&room, another, room.ambient.clone());
    assert!(unheard(&node).await.contains("not one over this order"));

    let ahead = Ambient {
        clock: Clock::manual(room.ambient.now()),
        ..room.ambient.clone()
    };
    let node = listener(&room, None, ahead.clone());
    heard(&node, 1).await;
    ahead.clock.advance(std::time::Duration::from_secs(3_600));
    room.hub.bar(list(&["192.0.2.8/32"]));
    assert!(unheard(&node).await.contains("ended"));
    assert_eq!(node.agent.told.borrow().len(), 1);
}

/// Why the node has not believed what it was told.
async fn unheard(node: &Node) -> String {
    let mut unheard = node.agent.unheard.subscribe();
    let why = soon(unheard.wait_for(Option::is_some)).await.unwrap();
    why.clone().unwrap()
}
