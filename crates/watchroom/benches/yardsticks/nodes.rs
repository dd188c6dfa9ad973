//! Nodes that are there and do nothing: real diallers with certificates of the Host's own CA, over real TLS, all in
//! this process; only what stands behind them is not there. The Host is the whole program, with its fleet and store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::{broadcast, watch};
use watchroom_kit::Ambient;
use watchroom_link::{Agent, AgentError, ConsoleFrom, Dialler, DiallerSettings, Envelope, FreshPapers};
use watchroom_link::{LinkSettings, LinkState, LinkStates, Papers};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{
    BanNews, Heartbeat, Inquiry, Jail, NodeId, OrderOutcome, ServerId, ServerReport, Share,
};
use watchroom_trust::{ClusterCa, ClusterSecret, LinkClient, NodeKey};

use crate::room::Room;

/// Longest wait for all links.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Nodes that run until their tasks are stopped.
pub struct Nodes {
    states: Vec<watch::Receiver<LinkStates>>,
    _epochs: TempDir,
}

impl Nodes {
    /// Starts all of them.
    pub fn start(
        room: &Room,
        clients: Vec<(NodeId, LinkClient)>,
        times: &LinkSettings,
        ambient: &Ambient,
    ) -> Self {
        let epochs = tempfile::tempdir().unwrap();
        let start = |(node, client): (NodeId, LinkClient)| {
            let settings = DiallerSettings {
                node,
                addresses: vec![room.authority()],
                papers: Arc::new(Held(client)),
                name: "bench".parse().unwrap(),
                capabilities: Vec::new(),
                epoch_file: epochs.path().join(node.to_string()),
                link: times.clone(),
            };
            let dialler = Dialler::new(settings, ambient.clone());
            let states = dialler.states();
            let agent = Arc::new(Hollow(broadcast::Sender::new(1)));
            ambient.tasks.spawn("node", dialler.run(agent));
            states
        };
        Self {
            states: clients.into_iter().map(start).collect(),
            _epochs: epochs,
        }
    }

    /// Waits until each has a link that came up at this time or later.
    pub async fn all_up_since(&mut self, at: OffsetDateTime) {
        let is_up = |state: &LinkState| matches!(state, LinkState::Up { since } if *since >= at);
        let all = async {
            for state in &mut self.states {
                let are_up = |links: &LinkStates| !links.is_empty() && links.values().all(is_up);
                state.wait_for(are_up).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap();
    }
}

/// Puts so many nodes on the roll of a Host that does not run, and gives their ends of TLS.
pub fn enrolled(room: &Room, count: usize, ambient: &Ambient) -> Vec<(NodeId, LinkClient)> {
    let ids: Vec<NodeId> = (0..count).map(|_| NodeId::mint(ambient)).collect();
    enrol(room, &ids);
    certify(room, &ids, ambient)
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

/// What each of them says.
pub fn heartbeat() -> Heartbeat {
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

    async fn disbelieved_look(&self, _: Inquiry, _: String) {}

    async fn bans(&self, news: BanNews) -> Result<u64, AgentError> {
        Ok(news.version)
    }

    async fn jail(&self) -> Result<Jail, AgentError> {
        Err(AgentError::NotAllowed("there is nothing here".to_owned()))
    }

    async fn disbelieved_bans(&self, _: String) {}

    fn metrics(&self, _: OffsetDateTime) -> Vec<watchroom_model::Sample> {
        Vec::new()
    }

    fn heartbeat(&self) -> Heartbeat {
        heartbeat()
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
