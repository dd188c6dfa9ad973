//! A node that was taken over, with papers that are good: whatever it says, the Host keeps little of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::sync::watch;
use watchroom_kit::{Ambient, Clock};
use watchroom_link::{ConnectFault, ConsoleFrom, FreshPapers, LinkEvent, LinkSettings, Papers};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{NodeId, ServerStatus};

use super::machine::Machine;
use super::room::{Folder, Room, asker, brisk, event, soon};
use watchroom_trust::LinkClient;

/// More than any node keeps.
const INVENTED: usize = 20_000;

/// Papers that are never new enough: every certificate is thrown away, and another one wished.
struct Greedy {
    papers: Arc<Folder>,
    wishes: watch::Sender<usize>,
    given: AtomicUsize,
}

#[async_trait]
impl Papers for Greedy {
    fn client(&self) -> LinkClient {
        self.papers.client()
    }

    fn request(&self) -> Result<Vec<u8>, String> {
        self.wishes.send_modify(|wishes| *wishes += 1);
        self.papers.request()
    }

    async fn keep(&self, _: FreshPapers) -> Result<(), String> {
        self.given.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn a_long_reason_is_cut_before_it_is_kept_or_told() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (node, link) = room.node().await;
    let mut report = Machine::new().report(room.server(), ServerStatus::Failed);
    report.reason = "because ".repeat(200_000);
    report.limited_by = "ö".repeat(1 << 20);
    node.agent.claim(report.clone());
    let told = event(&mut events, |event| match event {
        LinkEvent::Report { report, .. } => Some(report),
        // The report may have come with the first snapshot.
        LinkEvent::Reports { .. } => link.reports().first().cloned(),
        _ => None,
    })
    .await;
    assert_eq!((told.id, told.status), (report.id, report.status));
    assert!(report.reason.starts_with(&told.reason));
    assert_eq!((told.reason.len(), told.limited_by.len()), (1_024, 1_024));
}

#[tokio::test]
async fn a_link_that_tells_of_more_servers_than_a_node_keeps_is_ended() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let (node, link) = room.node().await;
    for _ in 0..INVENTED {
        node.agent.report(room.server(), ServerStatus::Running);
    }
    let why = event(&mut events, |event| match event {
        LinkEvent::Down { why, .. } => Some(why),
        _ => None,
    })
    .await;
    assert!(why.to_string().contains("16384 servers"), "{why}");
    assert!(link.reports().len() <= 16_384);
}

#[tokio::test]
async fn a_long_line_of_a_console_is_cut() {
    let room = Room::open().await;
    let (node, link) = room.node().await;
    let id = room.server();
    node.agent.report(id, ServerStatus::Running);
    node.agent.line_bytes.store(3 << 20, Ordering::SeqCst);
    let console = link.console(asker(), id, ConsoleFrom::Last(2), false).await;
    let told: Vec<_> = soon(console.unwrap().collect()).await;
    let lengths = told.into_iter().flat_map(|told| match told {
        Ok(ConsoleEvent::Lines(lines)) => lines.into_iter().map(|line| line.text.len()),
        other => panic!("no lines: {other:?}"),
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [48 << 10; 2]);
}

#[tokio::test]
async fn a_node_that_says_too_much_of_itself_is_not_let_in() {
    let room = Room::open().await;
    let mut events = room.hub.events();
    let id = NodeId::mint(&room.ambient);
    let mut settings = room.settings_for(id);
    settings.capabilities = vec!["x".repeat(1 << 20)];
    let _node = room.start(id, settings);
    let why = event(&mut events, |event| match event {
        LinkEvent::Refused { why, .. } => Some(why),
        _ => None,
    })
    .await;
    assert!(matches!(why, ConnectFault::Lost { .. }), "{why}");
    assert!(why.to_string().contains("more than a node has to say"), "{why}");
}

#[tokio::test]
async fn a_node_that_wishes_certificates_without_end_is_given_few_whichever_link_it_asks_on() {
    let apart = LinkSettings {
        certificates_apart: Duration::from_secs(3_600),
        certificates_at_once: 2,
        ..brisk()
    };
    let room = Room::with(apart, Ambient::system()).await;
    let id = NodeId::mint(&room.ambient);
    let then = Ambient {
        clock: Clock::manual(room.ambient.now() - Duration::from_secs(17 * 3_600)),
        ..room.ambient.clone()
    };
    let greedy = Arc::new(Greedy {
        papers: room.papers_of(id, &then),
        wishes: watch::Sender::default(),
        given: AtomicUsize::default(),
    });
    let mut settings = room.settings_for(id);
    settings.papers = Arc::clone(&greedy) as Arc<dyn Papers>;
    let node = room.start(id, settings);
    let mut wishes = greedy.wishes.subscribe();
    for wished in 1..=5 {
        drop(soon(wishes.wait_for(|wishes| *wishes >= wished)).await.unwrap());
        // The Host has read the wish once the node has answered what was asked after it.
        let link = room.linked(id).await;
        for _ in 0..20 {
            drop(link.ping(asker(), &room.ambient.clock).await);
        }
        room.cut();
    }
    assert_eq!(room.roll.issued.load(Ordering::SeqCst), 2);
    assert_eq!(greedy.given.load(Ordering::SeqCst), 2);
    drop(node);
}
