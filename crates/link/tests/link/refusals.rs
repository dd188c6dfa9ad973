//! Every way in which a link does not come about has a name, on the node's end and on the Host's.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use watchroom_kit::{Ambient, Clock, Entropy, Fault, Tasks};
use watchroom_link::{ConnectFault, DiallerSettings, LinkEvent};
use watchroom_model::NodeId;
use watchroom_trust::{LinkClient, NodeKey};

use crate::room::{Folder, Room, event, soon};

#[tokio::test]
async fn a_node_that_nobody_approved_is_told_so_and_linked_once_it_is() {
    let room = Room::open().await;
    room.roll.refuse(Some(ConnectFault::NotApproved));
    let mut events = room.hub.events();
    let id = NodeId::mint(&room.ambient);
    let mut node = room.start(id, room.settings_for(id));
    let why = node.down(|_| true).await;
    assert_eq!(
        (&why, why.slug()),
        (&ConnectFault::NotApproved, "node-not-approved")
    );
    let refused = event(&mut events, |event| match event {
        LinkEvent::Refused { node, why } => Some((node, why)),
        _ => None,
    });
    assert_eq!(refused.await, (id, ConnectFault::NotApproved));
    assert!(room.hub.link(id).is_none());
    room.roll.refuse(None);
    room.linked(id).await;
}

#[tokio::test]
async fn a_locked_node_hears_whose_lock_it_is() {
    let room = Room::open().await;
    let lock = ConnectFault::Locked {
        why: "maintenance, by alice".to_owned(),
    };
    room.roll.refuse(Some(lock.clone()));
    let id = NodeId::mint(&room.ambient);
    assert_eq!(room.start(id, room.settings_for(id)).down(|_| true).await, lock);
}

#[tokio::test]
async fn a_revoked_nodes_link_is_cut_within_a_second_and_it_hears_why() {
    let room = Room::open().await;
    let (mut node, link) = room.node().await;
    node.up().await;
    room.roll.refuse(Some(ConnectFault::Revoked));
    assert!(soon(room.hub.cut(node.id, ConnectFault::Revoked)).await);
    assert!(link.is_ended() && room.hub.link(node.id).is_none());
    assert_eq!(node.down(|_| true).await, ConnectFault::Revoked);
    assert!(!room.hub.cut(node.id, ConnectFault::Revoked).await);
}

#[tokio::test]
async fn a_node_of_another_cluster_sees_that_its_pin_differs() {
    let (room, other) = (Room::open().await, Room::open().await);
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.addresses = vec![other.address.to_string()];
    let why = room.start(id, settings).down(|_| true).await;
    let expected = ConnectFault::PinDiffers {
        expected: room.ca.fingerprint(),
        found: other.ca.fingerprint(),
    };
    assert_eq!(why, expected);
    assert!(other.hub.nodes().is_empty());
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_unknown_here() {
    let (room, other) = (Room::open().await, Room::open().await);
    let id = NodeId::mint(&room.ambient);
    let key = NodeKey::open_or_make(other.folder.path()).unwrap();
    let request = key.request().unwrap();
    let issued = other
        .ca
        .issue_node_leaf(id.as_uuid(), &request, &other.ambient)
        .unwrap();
    let leaf = key.with(issued);
    let mut settings = room.settings_for(id);
    let client = LinkClient::new(&room.ca.certificate(), &leaf, &room.ambient.clock).unwrap();
    settings.papers = Folder::new(key, client);
    let why = room.start(id, settings).down(|_| true).await;
    assert!(matches!(why, ConnectFault::CertificateUnknown { .. }), "{why:?}");
    assert!(room.hub.nodes().is_empty());
}

#[tokio::test]
async fn the_hosts_own_leaf_is_no_way_in_for_a_node() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let leaf = room.ca.issue_host_leaf(&room.ambient).unwrap();
    let mut settings = room.settings_for(id);
    let client = LinkClient::new(&room.ca.certificate(), &leaf, &room.ambient.clock).unwrap();
    settings.papers = Folder::new(NodeKey::open_or_make(room.folder.path()).unwrap(), client);
    let why = room.start(id, settings).down(|_| true).await;
    assert!(matches!(why, ConnectFault::CertificateUnknown { .. }), "{why:?}");
    assert!(room.hub.nodes().is_empty());
}

/// A day and an hour ago, in real time: what was issued then is over now.
fn yesterday(room: &Room) -> Ambient {
    let clock = Clock::manual(room.ambient.now() - Duration::from_secs(25 * 3_600));
    Ambient {
        clock,
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    }
}

#[tokio::test]
async fn an_expired_certificate_is_named_on_both_ends_to_a_node_that_may_not_come_back() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.papers = room.papers_of(id, &yesterday(&room));
    let why = room.start(id, settings).down(|_| true).await;
    assert_eq!(why, ConnectFault::CertificateExpired);
    let refused = event(&mut events, |event| match event {
        LinkEvent::Refused { node, why } => Some((node, why)),
        _ => None,
    });
    assert_eq!(refused.await, (id, ConnectFault::CertificateExpired));
}

#[tokio::test]
async fn a_wrong_clock_is_named_with_its_seconds() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let behind = Clock::manual(room.ambient.now() - Duration::from_secs(1_000));
    let node = Ambient {
        clock: behind.clone(),
        ..room.ambient.clone()
    };
    let why = room
        .start_with(id, room.settings_for(id), node.clone())
        .down(|_| true)
        .await;
    assert!(
        matches!(
            why,
            ConnectFault::ClockSkewed {
                seconds: -1_100..=-1_000
            }
        ),
        "{why:?}"
    );
    // The same, seen by TLS: the Host's certificate is not valid yet by the node's clock.
    let key = NodeKey::open_or_make(room.folder.path()).unwrap();
    let issued = room
        .ca
        .issue_node_leaf(id.as_uuid(), &key.request().unwrap(), &room.ambient)
        .unwrap();
    let mut settings = room.settings_for(id);
    let leaf = key.with(issued);
    let client = LinkClient::new(&room.ca.certificate(), &leaf, &behind).unwrap();
    settings.papers = Folder::new(key, client);
    let why = room.start_with(id, settings, node).down(|_| true).await;
    assert!(
        matches!(why, ConnectFault::ClockSkewed { seconds: -800..=-600 }),
        "{why:?}"
    );
}

#[tokio::test]
async fn versions_two_apart_are_refused_with_both_named() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    let host = settings.link.version.clone();
    settings.link.version = "0.9.0".to_owned();
    let why = room.start(id, settings).down(|_| true).await;
    assert_eq!(
        why,
        ConnectFault::VersionTooOld {
            node: "0.9.0".to_owned(),
            host
        }
    );
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_named_by_what_is_wrong_with_it() {
    let room = Room::open().await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let talker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = talker.local_addr().unwrap().to_string();
    drop(room.ambient.tasks.spawn("plain", async move {
        while let Ok((mut socket, _)) = talker.accept().await {
            drop(socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
    }));
    for (address, slug) in [
        ("nowhere.invalid:7443", "host-name-not-found"),
        (closed.as_str(), "host-refused"),
        ("no-port", "host-refused"),
        (plain.as_str(), "not-a-host"),
    ] {
        let id = NodeId::mint(&room.ambient);
        let mut settings = room.settings_for(id);
        settings.addresses = vec![address.to_owned()];
        let why = room.start(id, settings).down(|_| true).await;
        assert_eq!(why.slug(), slug, "{why}");
    }
}

#[tokio::test]
async fn what_keeps_a_node_out_has_one_name_on_both_ends() {
    let fenced = ConnectFault::Fenced {
        why: "two machines have its key".to_owned(),
    };
    let locked = ConnectFault::Locked {
        why: "maintenance".to_owned(),
    };
    for fault in [ConnectFault::NotApproved, ConnectFault::Revoked, locked, fenced] {
        let room = Room::open().await;
        room.roll.refuse(Some(fault.clone()));
        let id = NodeId::mint(&room.ambient);
        assert_eq!(named(&room, id, room.settings_for(id), None).await, fault);
    }
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let mut old = room.settings_for(id);
    old.link.version = "0.9.0".to_owned();
    let fault = named(&room, id, old, None).await;
    assert_eq!(fault.slug(), "version-too-old");
    let ahead = Ambient {
        clock: Clock::manual(room.ambient.now() + Duration::from_secs(1_000)),
        ..room.ambient.clone()
    };
    let fault = named(&room, id, room.settings_for(id), Some(ahead)).await;
    assert_eq!(fault.slug(), "clock-skewed");
}

/// What keeps this node out: the node and the Host say the same.
async fn named(room: &Room, id: NodeId, settings: DiallerSettings, node: Option<Ambient>) -> ConnectFault {
    let mut events = room.hub.events();
    let node = node.unwrap_or_else(|| room.ambient.clone());
    let mut node = room.start_with(id, settings, node);
    let told = node.down(|_| true).await;
    let refused = event(&mut events, |event| match event {
        LinkEvent::Refused { node, why } if node == id => Some(why),
        _ => None,
    });
    assert_eq!(refused.await, told);
    node.task.abort();
    told
}
