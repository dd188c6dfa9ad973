//! Many viewers on one link: however they come, stay or go, orders pass beside them.

use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::future::join_all;
use watchroom_link::ConsoleFrom;
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{OrderOutcome, ServerOrder, ServerStatus};

use super::room::{PATIENCE, Room, asker, soon};

/// More than the fleet lets people open on one node.
const VIEWERS: usize = 300;
/// As many as it lets people open, and a few more.
const SLEEPERS: usize = 150;

#[tokio::test]
async fn viewers_who_all_leave_at_once_leave_the_link_and_its_orders_alone() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let id = room.server();
    node.agent.report(id, ServerStatus::Running);
    let open = || join_all((0..VIEWERS).map(|_| link.console(asker(), id, ConsoleFrom::Last(3), true)));
    for round in 0..5 {
        let consoles = soon(open()).await;
        assert!(consoles.iter().all(Result::is_ok));
        let order = |key: String| link.order(room.envelope(&key, ServerOrder::Start(id), PATIENCE));
        let beside = soon(order(format!("beside-{round}"))).await;
        assert!(matches!(beside, Ok(OrderOutcome::Done { .. })), "{beside:?}");
        // Some leave once they are here, as many before they were even let in.
        let mut half_open: Vec<_> = (0..VIEWERS)
            .map(|_| Box::pin(link.console(asker(), id, ConsoleFrom::Last(3), true)))
            .collect();
        for opening in &mut half_open {
            assert!(futures_util::poll!(opening).is_pending());
        }
        drop((consoles, half_open));
        let after = soon(order(format!("after-{round}"))).await;
        assert!(matches!(after, Ok(OrderOutcome::Done { .. })), "{after:?}");
    }
    assert!(!link.is_ended());
    let now = room.linked(node.id).await;
    assert_eq!(
        now.hello().epoch,
        link.hello().epoch,
        "it is the link of the beginning"
    );
}

#[tokio::test]
async fn viewers_who_do_not_read_hold_little_and_nobody_else_up() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let id = room.server();
    node.agent.report(id, ServerStatus::Running);
    // Each console holds far more than one viewer is sent ahead.
    node.agent.line_bytes.store(48 << 10, Ordering::SeqCst);
    let asleep = (0..SLEEPERS).map(|_| link.console(asker(), id, ConsoleFrom::Last(10), true));
    let asleep = soon(join_all(asleep)).await;
    assert!(asleep.iter().all(Result::is_ok));
    let beside = soon(link.order(room.envelope("beside", ServerOrder::Start(id), PATIENCE))).await;
    assert!(matches!(beside, Ok(OrderOutcome::Done { .. })), "{beside:?}");

    let whole = link
        .console(asker(), id, ConsoleFrom::Offset(0), false)
        .await
        .unwrap();
    let pieces: Vec<Vec<u64>> = soon(whole.collect::<Vec<_>>())
        .await
        .into_iter()
        .map(|piece| match piece {
            Ok(ConsoleEvent::Lines(lines)) => lines.iter().map(|line| line.offset).collect(),
            other => panic!("no lines: {other:?}"),
        })
        .collect();
    assert_eq!(pieces, [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]);
    assert!(!link.is_ended());
}
