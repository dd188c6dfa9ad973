//! A room for one story: a real cluster CA, a Host that accepts real TLS on loopback, and nodes with a small agent.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use watchroom_kit::{Ambient, Tasks};
use watchroom_link::{
    Admission, Agent, AgentError, ConnectFault, ConsoleFrom, Dialler, DiallerSettings, Envelope,
};
use watchroom_link::{Hub, LinkEvent, LinkSettings, LinkState, NodeHello, NodeLink};
use watchroom_model::console::{ConsoleEvent, Line, Source};
use watchroom_model::{DecisionId, Desired, Heartbeat, NodeId, Order, OrderOutcome, ServerId, ServerReport};
use watchroom_model::{ServerStatus, Share};
use watchroom_trust::{ClusterCa, LinkClient, NodeKey, link_server_config};

/// Longer than anything takes on a busy machine; no story passes by waiting for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn brisk() -> LinkSettings {
    LinkSettings {
        heartbeat_every: Duration::from_millis(50),
        keep_alive_every: Duration::from_millis(500),
        keep_alive_patience: Duration::from_secs(2),
        retry_first: Duration::from_millis(40),
        retry_most: Duration::from_millis(400),
        ..LinkSettings::default()
    }
}

/// Waits for something, but not for ever.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it did not happen in time")
}

/// Who is let in: everybody, until a reason is set.
#[derive(Default)]
pub struct Roll(Mutex<Option<ConnectFault>>);

impl Roll {
    pub fn refuse(&self, why: Option<ConnectFault>) {
        *self.0.lock().unwrap() = why;
    }
}

#[async_trait]
impl Admission for Roll {
    async fn admit(&self, _: NodeId, _: &NodeHello, _: SocketAddr) -> Result<(), ConnectFault> {
        self.0.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

pub struct Room {
    pub ca: Arc<ClusterCa>,
    pub hub: Hub,
    pub roll: Arc<Roll>,
    pub ambient: Ambient,
    pub address: SocketAddr,
    connections: Mutex<Tasks>,
    pub folder: TempDir,
}

impl Room {
    pub async fn open() -> Arc<Self> {
        Self::with(brisk()).await
    }

    pub async fn with(settings: LinkSettings) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let ambient = Ambient::system();
        let ca = Arc::new(ClusterCa::open_or_make(folder.path(), &ambient).unwrap());
        let roll = Arc::new(Roll::default());
        let hub = Hub::new(ambient.clone(), settings, Arc::clone(&roll) as Arc<dyn Admission>);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Mutex::new(ambient.tasks.child());
        let room = Arc::new(Self {
            ca,
            hub,
            roll,
            ambient,
            address,
            connections,
            folder,
        });
        let config = link_server_config(Arc::clone(&room.ca), &room.ambient).unwrap();
        drop(room.ambient.tasks.spawn(
            "accept",
            Arc::clone(&room).accept(listener, TlsAcceptor::from(config)),
        ));
        room
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, tls: TlsAcceptor) {
        while let Ok((socket, peer)) = listener.accept().await {
            let (hub, tls, ca, now) = (self.hub.clone(), tls.clone(), Arc::clone(&self.ca), self.ambient.now());
            let tasks = self.connections.lock().unwrap().clone();
            drop(tasks.spawn("connection", async move {
                let Ok(stream) = tls.accept(socket).await else {
                    return;
                };
                let proven = ca.peer(stream.get_ref().1.peer_certificates().unwrap(), now).unwrap();
                hub.serve(stream, NodeId::from(proven.node), peer).await;
            }));
        }
    }

    /// Cuts every connection there is; new ones are taken.
    pub fn cut(&self) {
        let fresh = self.ambient.tasks.child();
        std::mem::replace(&mut *self.connections.lock().unwrap(), fresh).stop();
    }

    /// A certificate for a node of this cluster.
    pub fn client_for(&self, node: NodeId) -> LinkClient {
        let key = NodeKey::open_or_make(self.folder.path()).unwrap();
        let issued = self
            .ca
            .issue_node_leaf(node.as_uuid(), &key.request().unwrap(), &self.ambient)
            .unwrap();
        LinkClient::new(&self.ca.certificate(), &key.with(issued), &self.ambient.clock).unwrap()
    }

    pub fn settings_for(&self, node: NodeId) -> DiallerSettings {
        DiallerSettings {
            addresses: vec![self.address.to_string()],
            client: self.client_for(node),
            name: "harbour".parse().unwrap(),
            capabilities: vec!["console".to_owned()],
            epoch_file: self.folder.path().join(format!("epoch-{}", self.ambient.uuid())),
            link: brisk(),
        }
    }

    /// A node that dials as told.
    pub fn start(&self, id: NodeId, settings: DiallerSettings) -> Node {
        self.start_with(id, settings, self.ambient.clone())
    }

    pub fn start_with(&self, id: NodeId, settings: DiallerSettings, ambient: Ambient) -> Node {
        let agent = Arc::new(Machine::new());
        let dialler = Dialler::new(settings, ambient);
        let state = dialler.state();
        let agent_of_link = Arc::clone(&agent) as Arc<dyn Agent>;
        let task = self.ambient.tasks.spawn("dialler", dialler.run(agent_of_link));
        Node {
            id,
            agent,
            state,
            task,
        }
    }

    /// A node of this cluster, linked.
    pub async fn node(&self) -> (Node, NodeLink) {
        let id = NodeId::mint(&self.ambient);
        let node = self.start(id, self.settings_for(id));
        let link = self.linked(id).await;
        (node, link)
    }

    /// The live link of a node, once there is one.
    pub async fn linked(&self, node: NodeId) -> NodeLink {
        let mut events = self.hub.events();
        soon(async {
            loop {
                if let Some(link) = self.hub.link(node) {
                    return link;
                }
                events.recv().await.unwrap();
            }
        })
        .await
    }

    pub fn envelope(&self, key: &str, order: Order, deadline: Duration) -> Envelope {
        Envelope {
            key: key.to_owned(),
            order,
            principal: "user:alice".to_owned(),
            by: "alice".to_owned(),
            decision: DecisionId::mint(&self.ambient),
            deadline,
        }
    }

    pub fn server(&self) -> ServerId {
        ServerId::mint(&self.ambient)
    }
}

/// The next event that `wanted` makes something of.
pub async fn event<T>(
    events: &mut broadcast::Receiver<LinkEvent>,
    mut wanted: impl FnMut(LinkEvent) -> Option<T>,
) -> T {
    soon(async {
        loop {
            if let Some(found) = wanted(events.recv().await.unwrap()) {
                return found;
            }
        }
    })
    .await
}

pub struct Node {
    pub id: NodeId,
    pub agent: Arc<Machine>,
    pub state: watch::Receiver<LinkState>,
    pub task: JoinHandle<()>,
}

impl Node {
    /// Waits until the node says that it has no link, for a reason that `wanted` takes.
    pub async fn down(&mut self, wanted: impl Fn(&ConnectFault) -> bool) -> ConnectFault {
        let is_wanted = |state: &LinkState| matches!(state, LinkState::Down { why, .. } if wanted(why));
        match &*soon(self.state.wait_for(is_wanted)).await.unwrap() {
            LinkState::Down { why, .. } => why.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn up(&mut self) {
        drop(
            soon(self.state.wait_for(|state| matches!(state, LinkState::Up { .. })))
                .await
                .unwrap(),
        );
    }
}

/// A small agent: remembers its answers by key, keeps reports, and has one console of ten lines.
pub struct Machine {
    pub done: AtomicUsize,
    /// Orders wait here while it is closed.
    pub is_held: watch::Sender<bool>,
    pub begun: Notify,
    /// Bytes of text of each line of a console.
    pub line_bytes: AtomicUsize,
    answers: Mutex<HashMap<String, OrderOutcome>>,
    reports: Mutex<BTreeMap<ServerId, ServerReport>>,
    changes: broadcast::Sender<ServerReport>,
    lines: broadcast::Sender<Line>,
    next_line: AtomicU64,
}

pub fn line(offset: u64) -> Line {
    let at = OffsetDateTime::UNIX_EPOCH;
    Line {
        offset,
        at,
        source: Source::Stdout,
        text: format!("line {offset}"),
    }
}

impl Machine {
    fn new() -> Self {
        Self {
            done: AtomicUsize::new(0),
            is_held: watch::Sender::new(false),
            begun: Notify::new(),
            line_bytes: AtomicUsize::new(0),
            answers: Mutex::default(),
            reports: Mutex::default(),
            changes: broadcast::Sender::new(8),
            lines: broadcast::Sender::new(64),
            next_line: AtomicU64::new(10),
        }
    }

    pub fn report(&self, id: ServerId, status: ServerStatus) -> ServerReport {
        let report = ServerReport {
            id,
            desired: Desired::Running,
            status,
            reason: "started by alice".to_owned(),
            pid: None,
            started_at: None,
            exit_code: None,
            limited_by: "none".to_owned(),
        };
        self.reports.lock().unwrap().insert(id, report.clone());
        drop(self.changes.send(report.clone()));
        report
    }

    pub fn say(&self) {
        drop(
            self.lines
                .send(line(self.next_line.fetch_add(1, Ordering::SeqCst))),
        );
    }
}

#[async_trait]
impl Agent for Machine {
    async fn order(&self, envelope: Envelope) -> OrderOutcome {
        if let Some(answer) = self.answers.lock().unwrap().get(&envelope.key) {
            return answer.clone();
        }
        self.begun.notify_one();
        drop(
            self.is_held
                .subscribe()
                .wait_for(|is_held| !is_held)
                .await
                .unwrap(),
        );
        self.done.fetch_add(1, Ordering::SeqCst);
        let outcome = match envelope.order {
            Order::Start(id) => OrderOutcome::Done {
                report: Some(self.report(id, ServerStatus::Running)),
            },
            Order::Stop(_) => OrderOutcome::AlreadySo { report: None },
            _ => OrderOutcome::Refused {
                code: "not_allowed_here".to_owned(),
                why: "not on this node".to_owned(),
            },
        };
        self.answers.lock().unwrap().insert(envelope.key, outcome.clone());
        outcome
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            name: "harbour".parse().unwrap(),
            version: "0.1.0".to_owned(),
            port: 0,
            server_count: u32::try_from(self.reports.lock().unwrap().len()).unwrap(),
            load: 0.25,
            memory: Share::default(),
            disk: Share::default(),
            clock: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn reports(&self) -> (Vec<ServerReport>, broadcast::Receiver<ServerReport>) {
        let changes = self.changes.subscribe();
        (self.reports.lock().unwrap().values().cloned().collect(), changes)
    }

    async fn console(
        &self,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<BoxStream<'static, ConsoleEvent>, AgentError> {
        if !self.reports.lock().unwrap().contains_key(&server) {
            return Err(AgentError::NoSuchServer(server));
        }
        let first = match from {
            ConsoleFrom::Last(count) => 10 - u64::from(count),
            ConsoleFrom::Offset(offset) => offset,
        };
        let lines = self.lines.subscribe();
        let bytes = self.line_bytes.load(Ordering::SeqCst);
        let long = |offset| {
            let mut line = line(offset);
            line.text.push_str(&"x".repeat(bytes));
            line
        };
        let before = stream::iter([ConsoleEvent::Lines((first..10).map(long).collect())]);
        if !follow {
            return Ok(before.boxed());
        }
        let after = stream::unfold(lines, async |mut lines| {
            Some((ConsoleEvent::Lines(vec![lines.recv().await.ok()?]), lines))
        });
        Ok(before.chain(after).boxed())
    }
}
