//! New certificates and new CAs while everything runs: no stream is dropped, no call fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::RwLock;
use tokio::task::JoinHandle;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_link::{ConnectFault, ConsoleFrom, NodeLink};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{NodeId, OrderOutcome, ServerOrder, ServerStatus};

use crate::room::{Node, PATIENCE, Room, asker, brisk, event, soon};

/// How often a certificate is renewed, and how often the CA is rotated: more of both in `make soak`.
const TIMES: (usize, usize) = match option_env!("WATCHROOM_SOAK_RENEWALS") {
    None => (20, 3),
    Some(_) => (500, 20),
};

/// A Host whose clock is turned by hand, on the day of its founding.
async fn room() -> Arc<Room> {
    let ambient = Ambient {
        clock: Clock::manual(time::macros::datetime!(2026-03-01 12:00 UTC)),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    Room::with(brisk(), ambient).await
}

/// Turns the clock until the certificate is due, and waits for the link that is dialled with the next one.
async fn renewed(room: &Room, node: NodeId, traffic: &Traffic) -> NodeLink {
    let before = room.linked(node).await;
    {
        // Seventeen hours pass between two orders, not in the middle of one; the renewal then meets the rest.
        let _pause = traffic.pause.write().await;
        room.ambient.clock.advance(Duration::from_secs(17 * 3_600));
    }
    let next = newer(room, node, before.hello().epoch).await;
    gone_over(&before).await;
    next
}

/// Waits until nothing runs on a link any more: the console has been opened on the next one, under a signature of its
/// own that seventeen hours would end.
async fn gone_over(before: &NodeLink) {
    soon(async {
        while !before.is_ended() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

async fn newer(room: &Room, node: NodeId, than: u64) -> NodeLink {
    let mut events = room.hub.events();
    soon(async {
        loop {
            match room.hub.link(node) {
                Some(link) if link.hello().epoch > than => return link,
                _ => drop(events.recv().await.unwrap()),
            }
        }
    })
    .await
}

/// Orders without a pause and an open console, over whatever link there is.
struct Traffic {
    stop: Arc<AtomicBool>,
    orders: JoinHandle<()>,
    given: Arc<AtomicUsize>,
    pause: Arc<RwLock<()>>,
    console: JoinHandle<()>,
}

impl Traffic {
    async fn begin(room: &Arc<Room>, node: &Node) -> Self {
        let (stop, given) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let server = room.server();
        node.agent.report(server, ServerStatus::Running);
        let link = room.linked(node.id).await;
        let mut console = link
            .console(asker(), server, ConsoleFrom::Offset(0), true)
            .await
            .unwrap();
        let (id, told) = (node.id, Arc::clone(&stop));
        let reader = room.ambient.tasks.spawn("console", async move {
            let mut next = 0;
            while !told.load(Ordering::SeqCst) || next < 10 {
                let heard = soon(console.next()).await.unwrap();
                let ConsoleEvent::Lines(lines) = heard.unwrap() else {
                    panic!("lines were skipped")
                };
                for line in lines {
                    assert_eq!(line.offset, next, "the console goes on where it was");
                    next += 1;
                }
            }
        });
        let (room, told, count) = (Arc::clone(room), Arc::clone(&stop), Arc::clone(&given));
        let pause = Arc::<RwLock<()>>::default();
        let paused = Arc::clone(&pause);
        let tasks = room.ambient.tasks.clone();
        let orders = tasks.spawn("orders", async move {
            while !told.load(Ordering::SeqCst) {
                let _turn = paused.read().await;
                let key = format!("order-{}", count.load(Ordering::SeqCst));
                let order = room.envelope(&key, ServerOrder::Start(room.server()), PATIENCE);
                let answer = room.hub.connected(id).unwrap().order(order).await;
                assert!(matches!(answer, Ok(OrderOutcome::Done { .. })), "{answer:?}");
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            stop,
            orders,
            given,
            pause,
            console: reader,
        }
    }

    /// Ends it and says how many orders there were; fails if one of them or a line was lost.
    async fn end(self, node: &Node) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        soon(self.orders).await.unwrap();
        while !self.console.is_finished() {
            node.agent.say();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.console.await.unwrap();
        let given = self.given.load(Ordering::SeqCst);
        assert_eq!(node.agent.done.load(Ordering::SeqCst), given);
        given
    }
}

#[tokio::test]
async fn certificates_and_cas_change_under_running_orders_and_an_open_console() {
    let (renewals, rotations) = TIMES;
    let room = room().await;
    let (node, first) = room.node().await;
    let traffic = Traffic::begin(&room, &node).await;
    for renewal in 0..renewals {
        node.agent.say();
        let before = traffic.given.load(Ordering::SeqCst);
        renewed(&room, node.id, &traffic).await;
        soon(async {
            while traffic.given.load(Ordering::SeqCst) <= before && !traffic.orders.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let each = renewals / rotations;
        if renewal % each == 0 && renewal / each < rotations {
            rotate(&room, node.id).await;
        }
    }
    assert!(room.roll.issued.load(Ordering::SeqCst) >= renewals + rotations);
    let given = traffic.end(&node).await;
    assert!(given >= renewals, "{given} orders");
    assert_eq!(first.hello().agent, room.linked(node.id).await.hello().agent);
    assert_eq!(room.roll.fenced(node.id), None);
}

/// One rotation from end to end: the node is told, moves, and the old CA retires.
async fn rotate(room: &Room, node: NodeId) {
    let before = room.linked(node).await;
    room.rotate();
    soon(room.hub.tell_anchors()).await;
    assert!(newer(room, node, before.hello().epoch).await.has_moved());
    gone_over(&before).await;
    assert!(room.retire());
    soon(room.hub.tell_anchors()).await;
}

#[tokio::test]
async fn a_node_that_was_away_during_a_rotation_is_told_when_it_is_back() {
    let room = room().await;
    let id = NodeId::mint(&room.ambient);
    let settings = room.settings_for(id);
    room.rotate();
    let mut node = room.start(id, settings.clone());
    node.up().await;
    soon(async {
        while !room.linked(id).await.has_moved() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert_eq!(settings.papers.client().anchors(), room.ca.anchors());
    assert!(room.retire());
    room.cut();
    newer(&room, id, room.linked(id).await.hello().epoch.saturating_sub(1)).await;
}

#[tokio::test]
async fn a_node_that_was_off_for_days_is_let_in_to_renew_and_only_so_often() {
    let room = room().await;
    let mut events = room.hub.events();
    let id = NodeId::mint(&room.ambient);
    let settings = room.settings_for(id);
    room.ambient.clock.advance(Duration::from_secs(7 * 24 * 3_600));
    room.roll.returns.store(1, Ordering::SeqCst);
    let mut node = room.start(id, settings.clone());
    node.up().await;
    assert_eq!(room.roll.issued.load(Ordering::SeqCst), 1);
    node.task.abort();
    room.ambient.clock.advance(Duration::from_secs(7 * 24 * 3_600));
    let mut node = room.start(id, settings);
    let why = node.down(|_| true).await;
    assert_eq!(why, ConnectFault::CertificateExpired);
    let refused = event(&mut events, |event| match event {
        watchroom_link::LinkEvent::Refused { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(refused.await, ConnectFault::CertificateExpired);
}
