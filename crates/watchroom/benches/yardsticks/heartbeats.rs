//! Nodes by the thousand: what their heartbeats cost a whole Host, and what an idle link holds.
//!
//! The nodes are real diallers with certificates of the Host's own CA, over real TLS, all in this process; only
//! what stands behind them is not there. The Host is the whole program, with its fleet and its store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use tokio::sync::{broadcast, watch};
use watchroom_kit::Ambient;
use watchroom_link::{Agent, AgentError, ConsoleFrom, Dialler, DiallerSettings, Envelope, FreshPapers};
use watchroom_link::{LinkSettings, LinkState, LinkStates, Papers};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{Heartbeat, NodeId, OrderOutcome, ServerId, ServerReport, Share};
use watchroom_trust::{ClusterCa, ClusterSecret, LinkClient, NodeKey};

use crate::process;
use crate::room::Room;
use crate::table::{Row, Verdict};
use crate::{CLIENT_CORE, SERVER_CORE};

/// How many nodes. Each has its descriptor on both ends, within what one process may have by default.
const NODES: usize = 2_000;
/// How often each speaks, so that they give the Host as much to do as ten thousand at the usual pace.
const EVERY: Duration = Duration::from_secs(1);
/// How long the Host is watched while it does nothing but listen.
const WATCHED: Duration = Duration::from_secs(20);
/// Longest wait for all links.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the Host must hold: one heartbeat of each of ten thousand nodes every five seconds, by half a core.
const GOAL_PER_CORE: f64 = 10_000.0 / 5.0 / 0.5;

pub fn heartbeats() -> Vec<Row> {
    process::pin_to(SERVER_CORE);
    let mut room = Room::configured(&format!(
        "[cluster]\nheartbeat_s = {}\n[shield]\nconnections_per_address = {}\n",
        EVERY.as_secs(),
        NODES * 2
    ));
    room.stop();
    process::pin_to(CLIENT_CORE);
    let ambient = Ambient::system();
    let ids: Vec<NodeId> = (0..NODES).map(|_| NodeId::mint(&ambient)).collect();
    enrol(&room, &ids);
    let clients = certify(&room, &ids, &ambient);
    process::pin_to(SERVER_CORE);
    room.start();
    room.until_ready();
    process::pin_to(CLIENT_CORE);
    let host = room.process();
    let empty_kib = host.memory_kib("VmRSS");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (back_in, spent, full_kib) = runtime.block_on(async {
        let began = Instant::now();
        link(&room, clients, &ambient).await;
        let back_in = began.elapsed();
        // Papers, first reports and connection buffers settle.
        tokio::time::sleep(EVERY * 3).await;
        let before = host.processor_time();
        tokio::time::sleep(WATCHED).await;
        (back_in, host.processor_time() - before, host.memory_kib("VmRSS"))
    });
    ambient.tasks.stop();
    rows(back_in, spent, full_kib.saturating_sub(empty_kib))
}

fn rows(back_in: Duration, spent: Duration, grown_kib: u64) -> Vec<Row> {
    let heard = NODES as f64 * WATCHED.as_secs_f64() / EVERY.as_secs_f64();
    let per_core = heard / spent.as_secs_f64();
    let per_link = grown_kib as f64 / NODES as f64;
    vec![
        Row::judged(
            "heartbeats over links, per second of processor time",
            format!("{per_core:.0}"),
            ">= 4,000 (10,000 nodes by half a core)",
            Verdict::of(per_core >= GOAL_PER_CORE),
        ),
        Row::judged(
            "memory per idle link with its streams",
            format!("{per_link:.1} KiB"),
            "<= 50 KiB",
            Verdict::of(per_link <= 50.0),
        ),
        Row::fact(
            "2,000 nodes linked, their TLS made on one core",
            format!("{back_in:.1?}"),
        ),
    ]
}

/// Puts the nodes on the roll of a Host that does not run.
fn enrol(room: &Room, ids: &[NodeId]) {
    let mut database = rusqlite::Connection::open(room.state().join("db/watchroom.db")).unwrap();
    let rows = database.transaction().unwrap();
    for (number, id) in ids.iter().enumerate() {
        rows.execute(
            "INSERT INTO nodes (id, name, address, port, version, is_local, status, labels, created_at) \
             VALUES (?1, ?2, '127.0.0.1', 0, '0.1.0', 0, 'approved', '{}', 0)",
            (id.to_string(), format!("node-{number}")),
        )
        .unwrap();
    }
    rows.commit().unwrap();
}

/// The nodes' ends of TLS. They share a key: it is the Host's work that is measured.
fn certify(room: &Room, ids: &[NodeId], ambient: &Ambient) -> Vec<(NodeId, LinkClient)> {
    let folder = tempfile::tempdir().unwrap();
    let ca = authority(room);
    let key = NodeKey::open_or_make(folder.path()).unwrap();
    let request = key.request().unwrap();
    let client = |id: &NodeId| {
        let issued = ca.issue_node_leaf(id.as_uuid(), &request, ambient).unwrap();
        let leaf = key.with(issued);
        (
            *id,
            LinkClient::new(&ca.certificate(), &leaf, &ambient.clock).unwrap(),
        )
    };
    ids.iter().map(client).collect()
}

/// The CA of the Host that does not run.
fn authority(room: &Room) -> ClusterCa {
    let database = rusqlite::Connection::open(room.state().join("db/watchroom.db")).unwrap();
    let sealed: String = database
        .query_row("SELECT sealed FROM cluster_authorities", (), |row| row.get(0))
        .unwrap();
    let secret = ClusterSecret::open(&room.state()).unwrap().unwrap();
    ClusterCa::open(secret, &[serde_json::from_str(&sealed).unwrap()]).unwrap()
}

/// Starts all nodes and waits until each has its link.
async fn link(room: &Room, clients: Vec<(NodeId, LinkClient)>, ambient: &Ambient) {
    let epochs = tempfile::tempdir().unwrap();
    let mut states: Vec<watch::Receiver<LinkStates>> = Vec::new();
    for (node, client) in clients {
        let settings = DiallerSettings {
            node,
            addresses: vec![room.authority()],
            papers: Arc::new(Held(client)),
            name: "bench".parse().unwrap(),
            capabilities: Vec::new(),
            epoch_file: epochs.path().join(node.to_string()),
            link: LinkSettings {
                hello_patience: PATIENCE,
                ..LinkSettings::default()
            },
        };
        let dialler = Dialler::new(settings, ambient.clone());
        states.push(dialler.states());
        let agent = Arc::new(Hollow(broadcast::Sender::new(1)));
        ambient.tasks.spawn("node", dialler.run(agent));
    }
    let all = async {
        for state in &mut states {
            let is_up = |links: &LinkStates| links.values().all(|link| matches!(link, LinkState::Up { .. }));
            state.wait_for(is_up).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

/// Papers that nobody renews in so short a time.
struct Held(LinkClient);

#[async_trait]
impl Papers for Held {
    fn client(&self) -> LinkClient {
        self.0.clone()
    }

    fn request(&self) -> Result<Vec<u8>, String> {
        Err("this node lives for a minute".to_owned())
    }

    async fn keep(&self, _: FreshPapers) -> Result<(), String> {
        Ok(())
    }
}

/// An agent with nothing behind it.
struct Hollow(broadcast::Sender<ServerReport>);

#[async_trait]
impl Agent for Hollow {
    async fn order(&self, _: Envelope) -> OrderOutcome {
        OrderOutcome::AlreadySo { report: None }
    }

    async fn disbelieved(&self, _: Envelope, _: String) {}

    fn metrics(&self, _: OffsetDateTime) -> Vec<watchroom_model::Sample> {
        Vec::new()
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            name: "bench".parse().unwrap(),
            version: "0.1.0".to_owned(),
            port: 5_002,
            server_count: 12,
            load: 0.5,
            memory: Share::default(),
            disk: Share::default(),
            clock: OffsetDateTime::now_utc(),
        }
    }

    fn reports(&self) -> (Vec<ServerReport>, broadcast::Receiver<ServerReport>) {
        (Vec::new(), self.0.subscribe())
    }

    async fn console(
        &self,
        server: ServerId,
        _: ConsoleFrom,
        _: bool,
    ) -> Result<BoxStream<'static, ConsoleEvent>, AgentError> {
        Err(AgentError::NoSuchServer(server))
    }
}
