//! The link as its two users see it: real TLS on loopback, a real Host end, a real node end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod bans;
mod copies;
mod faults;
mod liars;
mod machine;
mod orders;
mod refusals;
mod renewals;
mod replicas;
mod room;
mod viewers;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use watchroom_kit::{Fault, FaultKind};
use watchroom_link::{ConnectFault, ConsoleFrom, LinkError, LinkEvent};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{NodeId, OrderOutcome, ServerOrder, ServerStatus};

use self::machine::line;
use self::room::{PATIENCE, Room, asker, event, soon};

#[tokio::test]
async fn a_node_says_hello_and_is_known_by_its_certificate_and_by_what_it_said() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (mut node, link) = room.node().await;
    let hello = event(&mut events, |event| match event {
        LinkEvent::Up { node, hello } => Some((node, hello)),
        _ => None,
    })
    .await;
    assert_eq!(hello.0, node.id);
    assert_eq!((hello.1.name.as_str(), hello.1.epoch), ("harbour", 1));
    assert_eq!(link.hello().capabilities, ["console"]);
    assert_eq!(room.hub.nodes(), [node.id]);
    node.up().await;
}

#[tokio::test]
async fn an_order_is_answered_and_done_once_per_key() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let id = room.server();
    let start = room.envelope("k1", ServerOrder::Start(id), PATIENCE);
    let first = link.order(start.clone()).await.unwrap();
    assert!(matches!(&first, OrderOutcome::Done { report: Some(report) } if report.id == id));
    assert_eq!(link.order(start).await.unwrap(), first);
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 1);
    let refused = link
        .order(room.envelope("k2", ServerOrder::Remove(id), PATIENCE))
        .await
        .unwrap();
    assert!(matches!(refused, OrderOutcome::Refused { code, .. } if code == "not_allowed_here"));
}

#[tokio::test]
async fn the_same_key_sent_twice_at_once_is_one_order_with_two_answers() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    node.agent.is_held.send_replace(true);
    let start = room.envelope("k", ServerOrder::Start(room.server()), PATIENCE);
    let release = async {
        soon(node.agent.begun.notified()).await;
        node.agent.is_held.send_replace(false);
    };
    let (one, other, ()) = tokio::join!(link.order(start.clone()), link.order(start), release);
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn sixty_calls_run_at_once_on_one_link() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    node.agent.is_held.send_replace(true);
    let orders = (0..60).map(|key| {
        link.order(room.envelope(&format!("k{key}"), ServerOrder::Start(room.server()), PATIENCE))
    });
    let orders: Vec<_> = orders.collect();
    let release = async {
        soon(node.agent.begun.notified()).await;
        node.agent.is_held.send_replace(false);
    };
    let (answers, ()) = tokio::join!(join_all(orders), release);
    assert!(
        answers
            .into_iter()
            .all(|answer| matches!(answer, Ok(OrderOutcome::Done { .. })))
    );
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 60);
}

#[tokio::test]
async fn heartbeats_keep_coming_and_the_last_one_is_kept() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (node, link) = room.node().await;
    for _ in 0..3 {
        let beat = event(&mut events, |event| match event {
            LinkEvent::Heartbeat { node, heartbeat, .. } => Some((node, heartbeat)),
            _ => None,
        })
        .await;
        assert_eq!((beat.0, beat.1.name.as_str()), (node.id, "harbour"));
    }
    assert!(link.heartbeat().is_some());
}

fn is_snapshot(event: &LinkEvent) -> Option<()> {
    matches!(event, LinkEvent::Reports { .. }).then_some(())
}

#[tokio::test]
async fn reports_begin_with_all_servers_and_go_on_with_each_change() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (node, link) = room.node().await;
    event(&mut events, |event| is_snapshot(&event)).await;
    assert!(link.reports().is_empty());
    let report = node.agent.report(room.server(), ServerStatus::CrashLoop);
    let changed = event(&mut events, |event| match event {
        LinkEvent::Report { report, .. } => Some(report),
        _ => None,
    });
    assert_eq!(*changed.await, report);
    assert_eq!(*link.reports()[0], report);
}

#[tokio::test]
async fn changes_that_came_too_fast_are_made_good_by_a_new_snapshot() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (node, link) = room.node().await;
    event(&mut events, |event| is_snapshot(&event)).await;
    // More at once than the agent's channel keeps: nothing else runs on this thread meanwhile.
    for _ in 0..50 {
        node.agent.report(room.server(), ServerStatus::Running);
    }
    event(&mut events, |event| is_snapshot(&event)).await;
    assert_eq!(link.reports().len(), 50);
}

#[tokio::test]
async fn a_console_gives_the_last_lines_then_what_comes_and_an_unknown_server_is_named() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let id = room.server();
    let unknown = link
        .console(asker(), id, ConsoleFrom::Last(3), true)
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&unknown, LinkError::Refused { code, .. } if code == "no_such_server"),
        "{unknown}"
    );
    assert_eq!(unknown.kind(), FaultKind::NotFound);
    node.agent.report(id, ServerStatus::Running);
    let mut console = link
        .console(asker(), id, ConsoleFrom::Last(3), true)
        .await
        .unwrap();
    let lines = |offsets: std::ops::Range<u64>| ConsoleEvent::Lines(offsets.map(line).collect());
    assert_eq!(soon(console.next()).await, Some(Ok(lines(7..10))));
    node.agent.say();
    node.agent.say();
    assert_eq!(soon(console.next()).await, Some(Ok(lines(10..11))));
    assert_eq!(soon(console.next()).await, Some(Ok(lines(11..12))));
    let whole = link
        .console(asker(), id, ConsoleFrom::Offset(0), false)
        .await
        .unwrap();
    assert_eq!(soon(whole.collect::<Vec<_>>()).await, [Ok(lines(0..12))]);
}

#[tokio::test]
async fn a_cut_link_comes_back_with_a_higher_epoch_and_its_consoles_end_by_name() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (node, link) = room.node().await;
    let id = room.server();
    node.agent.report(id, ServerStatus::Running);
    let mut console = link
        .console(asker(), id, ConsoleFrom::Last(1), true)
        .await
        .unwrap();
    assert!(soon(console.next()).await.unwrap().is_ok());
    room.cut();
    assert!(matches!(
        soon(console.next()).await,
        Some(Err(LinkError::Lost {
            may_still_happen: false,
            ..
        }))
    ));
    assert!(soon(console.next()).await.is_none());
    let down = |event| {
        matches!(
            event,
            LinkEvent::Down {
                why: ConnectFault::Lost { .. },
                ..
            }
        )
        .then_some(())
    };
    event(&mut events, down).await;
    let again = room.linked(node.id).await;
    assert!(again.hello().epoch > link.hello().epoch);
    let old = link
        .order(room.envelope("k", ServerOrder::Start(id), PATIENCE))
        .await;
    assert_eq!(old, Err(LinkError::NotConnected { since: None }));
    assert!(
        again
            .order(room.envelope("k", ServerOrder::Start(id), PATIENCE))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_order_that_runs_late_may_still_happen_and_its_key_brings_the_answer_later() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    node.agent.is_held.send_replace(true);
    let mut start = room.envelope("k", ServerOrder::Start(room.server()), Duration::from_millis(100));
    let late = link.order(start.clone()).await.unwrap_err();
    assert!(
        matches!(
            late,
            LinkError::TimedOut {
                may_still_happen: true,
                ..
            }
        ),
        "{late}"
    );
    assert_eq!((late.kind(), late.slug()), (FaultKind::Timeout, "node-timed-out"));
    node.agent.is_held.send_replace(false);
    start.deadline = PATIENCE;
    assert!(matches!(
        link.order(start).await.unwrap(),
        OrderOutcome::Done { .. }
    ));
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_order_whose_link_is_cut_goes_on_and_is_answered_over_the_next_link() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    node.agent.is_held.send_replace(true);
    let start = room.envelope("k", ServerOrder::Start(room.server()), PATIENCE);
    let cut = async {
        soon(node.agent.begun.notified()).await;
        room.cut();
    };
    let (answer, ()) = tokio::join!(link.order(start.clone()), cut);
    assert!(
        matches!(
            &answer,
            Err(LinkError::Lost {
                may_still_happen: true,
                ..
            })
        ),
        "{answer:?}"
    );
    soon(async {
        while room
            .hub
            .link(node.id)
            .is_none_or(|now| now.hello().epoch == link.hello().epoch)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let next = room.linked(node.id).await;
    node.agent.is_held.send_replace(false);
    assert!(matches!(
        next.order(start).await.unwrap(),
        OrderOutcome::Done { .. }
    ));
    assert_eq!(node.agent.done.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_node_without_a_link_is_offline_since_a_time() {
    let room = Room::open().await;
    let never = room.hub.connected(NodeId::mint(&room.ambient)).unwrap_err();
    assert_eq!(never, LinkError::NotConnected { since: None });
    let mut events = room.hub.events();
    let (node, _link) = room.node().await;
    let before = room.ambient.now();
    node.task.abort();
    event(&mut events, |event| {
        matches!(event, LinkEvent::Down { .. }).then_some(())
    })
    .await;
    let gone = room.hub.connected(node.id).unwrap_err();
    assert!(
        matches!(gone, LinkError::NotConnected { since: Some(since) } if since >= before),
        "{gone}"
    );
    assert_eq!(
        (gone.kind().status(), gone.slug(), gone.members().len()),
        (503, "node-offline", 2)
    );
}

#[tokio::test]
async fn a_way_that_goes_silent_is_noticed_on_both_ends_by_keep_alive() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let silence = watch::Sender::new(false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = listener.local_addr().unwrap();
    let (host, mut silent) = (room.address, silence.subscribe());
    drop(room.ambient.tasks.spawn("way", async move {
        let (mut one, _) = listener.accept().await.unwrap();
        let mut other = TcpStream::connect(host).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut one, &mut other) => {}
            _ = silent.wait_for(|silent| *silent) => {}
        }
        // Both connections stay open and carry nothing more, as behind a dead router.
        std::future::pending::<()>().await;
    }));
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.addresses = vec![way.to_string()];
    let mut node = room.start(id, settings);
    node.up().await;
    room.linked(id).await;
    silence.send_replace(true);
    let by_host = event(&mut events, |event| match event {
        LinkEvent::Down { why, .. } => Some(why),
        _ => None,
    });
    // Both are watched at once: the node soon dials again, and then says what became of that.
    let by_node = node.down(|why| matches!(why, ConnectFault::Lost { .. }));
    for why in <[ConnectFault; 2]>::from(tokio::join!(by_host, by_node)) {
        assert!(why.to_string().contains("keep-alive"), "{why}");
    }
}
