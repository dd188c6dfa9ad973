//! Two machines with one key, by a copied disk or a backup put back: both are turned away until a person
//! decides. One machine that comes and goes as it likes never is.

use watchroom_link::{ConnectFault, LinkEvent, Passage};
use watchroom_model::NodeId;

use crate::room::{Room, event, soon};

fn is_fenced(why: &ConnectFault) -> bool {
    matches!(why, ConnectFault::Fenced { .. })
}

#[tokio::test]
async fn a_copied_machine_beside_the_first_fences_both_and_a_person_lets_one_back_in() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (mut first, link) = room.node().await;
    let settings = room.settings_for(first.id);
    // Its disk was copied while it ran: the copy counts on from where the disk stood, and beyond.
    std::fs::write(&settings.epoch_file, "1000").unwrap();
    let mut copy = room.start(first.id, settings.clone());
    let why = copy.down(is_fenced).await;
    assert!(why.to_string().contains("two machines have its key"), "{why}");
    assert_eq!(first.down(is_fenced).await, why);
    soon(async {
        while !link.is_ended() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let down = event(&mut events, |event| match event {
        LinkEvent::Down { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(down.await, why);
    assert!(room.hub.link(first.id).is_none());
    first.task.abort();
    room.roll.unfence(first.id);
    copy.up().await;
    assert!(room.linked(first.id).await.hello().epoch > 1000);
}

#[tokio::test]
async fn an_older_disk_is_a_copy_even_if_it_comes_alone() {
    let room = Room::open().await;
    let (first, link) = room.node().await;
    first.task.abort();
    soon(async {
        while room.hub.link(first.id).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let settings = room.settings_for(first.id);
    let mut restored = room.start(first.id, settings);
    let why = restored.down(is_fenced).await;
    assert!(why.to_string().contains("after dial"), "{why}");
    assert_eq!(link.hello().epoch, 1);
    assert!(room.roll.fenced(first.id).is_some());
}

#[tokio::test]
async fn a_machine_that_is_started_again_and_again_is_never_fenced() {
    let room = Room::open().await;
    let id = NodeId::mint(&room.ambient);
    let settings = room.settings_for(id);
    for restart in 1..6 {
        let mut node = room.start(id, settings.clone());
        node.up().await;
        assert_eq!(room.linked(id).await.hello().epoch, restart);
        node.task.abort();
    }
    assert_eq!(room.roll.fenced(id), None);
}

#[tokio::test]
async fn a_machine_whose_way_is_cut_again_and_again_is_never_fenced() {
    let room = Room::open().await;
    let (mut node, first) = room.node().await;
    let mut last = first.hello().epoch;
    for _ in 0..10 {
        room.cut();
        soon(async {
            while room
                .hub
                .link(node.id)
                .is_none_or(|link| link.hello().epoch == last)
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
        last = room.linked(node.id).await.hello().epoch;
    }
    node.up().await;
    assert_eq!(room.roll.fenced(node.id), None);
    assert_eq!(first.hello().agent, room.linked(node.id).await.hello().agent);
}

#[tokio::test]
async fn a_copy_that_links_to_another_host_is_seen_from_here() {
    let room = Room::open().await;
    let other = room.replica().await;
    let (mut first, _link) = room.node().await;
    let mut settings = room.settings_for(first.id);
    std::fs::write(&settings.epoch_file, "1000").unwrap();
    settings.addresses = vec![other.address.to_string()];
    let mut copy = room.start(first.id, settings);
    copy.up().await;
    // What the other Host has kept reaches this one.
    soon(room.hub.compare(first.id)).await;
    first.down(is_fenced).await;
    assert!(room.roll.fenced(first.id).is_some());
    // And the other way round: there too whoever is fenced is cut.
    let why = ConnectFault::Fenced {
        why: room.roll.fenced(first.id).unwrap(),
    };
    assert!(soon(other.hub.cut(first.id, why)).await);
    copy.down(is_fenced).await;
}

#[tokio::test]
async fn the_newest_link_is_known_over_a_restart_of_the_host() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let kept = watchroom_link::Admission::newest(&*room.roll, node.id);
    assert_eq!(
        kept,
        Some(Passage {
            agent: link.hello().agent,
            epoch: link.hello().epoch
        })
    );
    node.task.abort();
    let reopened = room.replica().await;
    let mut settings = reopened.settings_for(node.id);
    settings.addresses = vec![reopened.address.to_string()];
    let mut copy = reopened.start(node.id, settings);
    copy.down(is_fenced).await;
}
