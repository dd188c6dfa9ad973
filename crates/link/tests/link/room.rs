//! A room for one story: a real cluster CA, a Host that accepts real TLS on loopback, and nodes with a small agent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use watchroom_kit::{Ambient, Tasks};
use watchroom_link::{
    Admission, Agent, Arrival, ConnectFault, Dialler, DiallerSettings, Envelope, FreshPapers, Hub, LinkEvent,
    LinkSettings, LinkState, LinkStates, NodeHello, NodeLink, Papers, Passage,
};
use watchroom_model::{Asker, DecisionId, NodeId, Order, ServerId};
use watchroom_trust::{
    CertificateDer, ClusterCa, ClusterSecret, LinkClient, NodeKey, OrderSigner, link_server_config,
};

use crate::machine::Machine;

/// Longer than anything takes on a busy machine; no story passes by waiting for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn brisk() -> LinkSettings {
    LinkSettings {
        heartbeat_every: Duration::from_millis(50),
        keep_alive_every: Duration::from_millis(500),
        keep_alive_patience: Duration::from_secs(2),
        call_patience: PATIENCE,
        probe_patience: Duration::from_secs(2),
        renewal_looked_for_every: Duration::from_millis(50),
        certificates_apart: Duration::from_millis(50),
        retry_first: Duration::from_millis(40),
        retry_most: Duration::from_millis(400),
        ..LinkSettings::default()
    }
}

/// Somebody who may look.
pub fn asker() -> Asker {
    Asker {
        principal: "user:alice".to_owned(),
        by: "alice".to_owned(),
        decision: DecisionId::mint(&Ambient::system()),
    }
}

/// Waits for something, but not for ever.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it did not happen in time")
}

/// The roll of a cluster: everybody is let in, until a reason is set or a node is fenced.
pub struct Roll {
    ca: Arc<ClusterCa>,
    ambient: Ambient,
    refusal: Mutex<Option<ConnectFault>>,
    newest: Mutex<HashMap<NodeId, Passage>>,
    fenced: Mutex<HashMap<NodeId, String>>,
    /// Certificates given.
    pub issued: AtomicUsize,
    /// How often a node may come back with an expired certificate.
    pub returns: AtomicUsize,
}

impl Roll {
    pub fn refuse(&self, why: Option<ConnectFault>) {
        *self.refusal.lock().unwrap() = why;
    }

    pub fn fenced(&self, node: NodeId) -> Option<String> {
        self.fenced.lock().unwrap().get(&node).cloned()
    }

    /// A person has decided.
    pub fn unfence(&self, node: NodeId) {
        self.fenced.lock().unwrap().remove(&node);
        self.newest.lock().unwrap().remove(&node);
    }
}

#[async_trait]
impl Admission for Roll {
    async fn admit(&self, arrival: &Arrival, _: &NodeHello) -> Result<(), ConnectFault> {
        if let Some(why) = self.fenced(arrival.node) {
            return Err(ConnectFault::Fenced { why });
        }
        if arrival.expired_at.is_some() && self.returns.load(Ordering::SeqCst) == 0 {
            return Err(ConnectFault::CertificateExpired);
        }
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn newest(&self, node: NodeId) -> Option<Passage> {
        self.newest.lock().unwrap().get(&node).copied()
    }

    async fn keep(&self, node: NodeId, passage: Passage) -> Result<(), ConnectFault> {
        self.newest.lock().unwrap().insert(node, passage);
        Ok(())
    }

    async fn fence(&self, node: NodeId, why: &str) {
        self.fenced.lock().unwrap().insert(node, why.to_owned());
    }

    async fn certify(&self, arrival: &Arrival, request: &[u8]) -> Result<FreshPapers, String> {
        let (node, key) = (arrival.node.as_uuid(), arrival.key);
        let leaf = self.ca.renew_node_leaf(node, key, request, &self.ambient);
        let leaf = leaf.map_err(|error| error.to_string())?;
        self.issued.fetch_add(1, Ordering::SeqCst);
        if arrival.expired_at.is_some() {
            self.returns.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(FreshPapers {
            leaf: Some(leaf),
            ..FreshPapers::default()
        })
    }

    fn anchors(&self) -> Vec<CertificateDer<'static>> {
        self.ca.anchors()
    }
}

/// A node's papers: its key in the room's folder, the rest in memory.
pub struct Folder {
    key: NodeKey,
    client: LinkClient,
}

impl Folder {
    pub fn new(key: NodeKey, client: LinkClient) -> Arc<Self> {
        Arc::new(Self { key, client })
    }
}

#[async_trait]
impl Papers for Folder {
    fn client(&self) -> LinkClient {
        self.client.clone()
    }

    fn request(&self) -> Result<Vec<u8>, String> {
        self.key.request().map_err(|error| error.to_string())
    }

    async fn keep(&self, fresh: FreshPapers) -> Result<(), String> {
        if !fresh.anchors.is_empty() {
            self.client
                .trust(&fresh.anchors)
                .map_err(|error| error.to_string())?;
        }
        if let Some(leaf) = fresh.leaf {
            self.client
                .renew(&self.key.with(leaf))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

pub struct Room {
    pub ca: Arc<ClusterCa>,
    pub hub: Hub,
    pub roll: Arc<Roll>,
    pub ambient: Ambient,
    pub address: SocketAddr,
    connections: Mutex<Tasks>,
    pub folder: Arc<TempDir>,
}

impl Room {
    /// Makes a new CA, as a person orders it of the Host.
    pub fn rotate(&self) {
        let next = self.ca.successor(&self.ambient).unwrap();
        let all = [self.ca.sealed(), vec![next]].concat();
        assert!(self.ca.adopt(&all).unwrap());
    }

    /// Lets the one before it retire; whether there was one.
    pub fn retire(&self) -> bool {
        let signing = Some(self.ca.fingerprint());
        let mut left = self.ca.sealed();
        left.retain(|one| one.fingerprint() == signing);
        self.ca.adopt(&left).unwrap()
    }

    pub async fn open() -> Arc<Self> {
        Self::with(brisk(), Ambient::system()).await
    }

    pub async fn with(settings: LinkSettings, ambient: Ambient) -> Arc<Self> {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let ca = Arc::new(ClusterCa::found(ClusterSecret::by_chance(&ambient.entropy), &ambient).unwrap());
        let roll = Arc::new(Roll {
            ca,
            ambient: ambient.clone(),
            refusal: Mutex::default(),
            newest: Mutex::default(),
            fenced: Mutex::default(),
            issued: AtomicUsize::default(),
            returns: AtomicUsize::default(),
        });
        let ca = Arc::clone(&roll.ca);
        Self::host(settings, ambient, roll, folder, &ca).await
    }

    /// Another Host of the same cluster.
    pub async fn replica(&self) -> Arc<Self> {
        self.replica_signing_by(&self.ca).await
    }

    /// Another Host of the same cluster, but its orders are signed under this CA.
    pub async fn replica_signing_by(&self, ca: &Arc<ClusterCa>) -> Arc<Self> {
        let (roll, folder) = (Arc::clone(&self.roll), Arc::clone(&self.folder));
        Self::host(brisk(), self.ambient.clone(), roll, folder, ca).await
    }

    async fn host(
        settings: LinkSettings,
        ambient: Ambient,
        roll: Arc<Roll>,
        folder: Arc<TempDir>,
        signing: &Arc<ClusterCa>,
    ) -> Arc<Self> {
        let ca = Arc::clone(&roll.ca);
        let signer = Arc::new(OrderSigner::new(Arc::clone(signing), &ambient).unwrap());
        let admission = Arc::clone(&roll) as Arc<dyn Admission>;
        let hub = Hub::new(ambient.clone(), settings, admission, signer);
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
            let (hub, tls, ca, now) = (
                self.hub.clone(),
                tls.clone(),
                Arc::clone(&self.ca),
                self.ambient.now(),
            );
            let tasks = self.connections.lock().unwrap().clone();
            drop(tasks.spawn("connection", async move {
                let Ok(stream) = tls.accept(socket).await else {
                    return;
                };
                let proven = ca
                    .peer(stream.get_ref().1.peer_certificates().unwrap(), now)
                    .unwrap();
                hub.serve(stream, Arrival::new(&proven, peer)).await;
            }));
        }
    }

    /// Cuts every connection there is; new ones are taken.
    pub fn cut(&self) {
        let fresh = self.ambient.tasks.child();
        std::mem::replace(&mut *self.connections.lock().unwrap(), fresh).stop();
    }

    /// A certificate of this cluster for the node, good since now.
    pub fn papers_for(&self, node: NodeId) -> Arc<Folder> {
        self.papers_of(node, &self.ambient)
    }

    /// The same, made at another time.
    pub fn papers_of(&self, node: NodeId, then: &Ambient) -> Arc<Folder> {
        let key = NodeKey::open_or_make(self.folder.path()).unwrap();
        let issued = self
            .ca
            .issue_node_leaf(node.as_uuid(), &key.request().unwrap(), then)
            .unwrap();
        let leaf = key.with(issued);
        let client = LinkClient::new(&self.ca.certificate(), &leaf, &self.ambient.clock).unwrap();
        Folder::new(key, client)
    }

    pub fn settings_for(&self, node: NodeId) -> DiallerSettings {
        DiallerSettings {
            node,
            addresses: vec![self.address.to_string()],
            papers: self.papers_for(node),
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
        let states = dialler.states();
        let agent_of_link = Arc::clone(&agent) as Arc<dyn Agent>;
        let task = self.ambient.tasks.spawn("dialler", dialler.run(agent_of_link));
        Node {
            id,
            agent,
            states,
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

    pub fn envelope(&self, key: &str, order: impl Into<Order>, deadline: Duration) -> Envelope {
        Envelope {
            key: key.to_owned(),
            order: order.into(),
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
    pub states: watch::Receiver<LinkStates>,
    pub task: JoinHandle<()>,
}

impl Node {
    /// Waits until the node says of one of its links that it is down, for a reason that `wanted` takes.
    pub async fn down(&mut self, wanted: impl Fn(&ConnectFault) -> bool) -> ConnectFault {
        let reason = |states: &LinkStates| {
            states.values().find_map(|state| match state {
                LinkState::Down { why, .. } if wanted(why) => Some(why.clone()),
                _ => None,
            })
        };
        let states = soon(self.states.wait_for(|states| reason(states).is_some()))
            .await
            .unwrap();
        reason(&states).unwrap()
    }

    /// Waits until all its links are up.
    pub async fn up(&mut self) {
        let is_up = |states: &LinkStates| states.values().all(|state| matches!(state, LinkState::Up { .. }));
        drop(soon(self.states.wait_for(is_up)).await.unwrap());
    }
}
