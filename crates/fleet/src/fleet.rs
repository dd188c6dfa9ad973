//! The fleet itself: what is known in memory, and the parts it works with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use sea_orm::EntityTrait;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use watchroom_kit::Ambient;
use watchroom_model::{DecisionId, NodeId, Page, PageError, PageRequest, ServerId};
use watchroom_store::{Store, StoreError, follow};

use crate::nodes::join::JoinRules;
use crate::nodes::{Away, Liveness, entity as node_entity, links};
use crate::servers::{Viewers, entity as server_entity};
use crate::{Authority, FleetEvent, Gateway, Node, Server};

/// How many events a slow listener may lag behind before it is told so.
const EVENTS_KEPT: usize = 1_024;

type Known<Id, Thing> = ArcSwap<BTreeMap<Id, Arc<Thing>>>;

/// Nodes and servers. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    ambient: Ambient,
    gateway: Arc<dyn Gateway>,
    authority: Arc<dyn Authority>,
    liveness: Liveness,
    join_rules: JoinRules,
    addresses: ArcSwap<Vec<String>>,
    /// When this Host did not run last.
    away: Option<Away>,
    viewers: Viewers,
    /// The node of this Host's own machine: other replicas have theirs.
    own_node: OnceLock<NodeId>,
    nodes: Known<NodeId, Node>,
    servers: Known<ServerId, Server>,
    /// Held while rows are read and put among what is known, so that an older reading never replaces a newer one.
    rereading: tokio::sync::Mutex<()>,
    adopting: tokio::sync::Mutex<()>,
    /// The database may have other CAs than this Host: what it has could not be taken up, or is not known to be.
    is_behind: AtomicBool,
    events: broadcast::Sender<FleetEvent>,
}

/// What the fleet reaches beyond itself.
pub struct Ports {
    /// Its nodes.
    pub gateway: Arc<dyn Gateway>,
    /// Who certifies them.
    pub authority: Arc<dyn Authority>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}

impl Fleet {
    /// Loads what is known from the store.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn open(
        store: Store,
        ports: Ports,
        liveness: Liveness,
        join_rules: JoinRules,
        ambient: Ambient,
    ) -> Result<Self, StoreError> {
        // Heard from before anything is read, so that nothing falls between.
        let elsewhere = store.changes_elsewhere();
        let read = store.read().await?;
        let mut nodes = BTreeMap::new();
        for row in read.all(node_entity::Entity::find()).await? {
            let node = Arc::new(Node::from_row(&row)?);
            nodes.insert(node.id(), node);
        }
        links::load(&read, &nodes).await?;
        let away = Away::before(ambient.now(), &nodes);
        let mut servers = BTreeMap::new();
        for row in read.all(server_entity::Entity::find()).await? {
            let server = Arc::new(Server::from_row(&row, &nodes)?);
            servers.insert(server.id(), server);
        }
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let inner = Inner {
            nodes: ArcSwap::from_pointee(nodes),
            servers: ArcSwap::from_pointee(servers),
            rereading: tokio::sync::Mutex::default(),
            adopting: tokio::sync::Mutex::default(),
            is_behind: AtomicBool::new(false),
            store,
            ambient,
            gateway: ports.gateway,
            authority: ports.authority,
            liveness,
            join_rules,
            addresses: ArcSwap::default(),
            away,
            viewers: Viewers::default(),
            own_node: OnceLock::new(),
            events,
        };
        let fleet = Self {
            inner: Arc::new(inner),
        };
        let follower = fleet.clone();
        follow("fleet-follow-others", elsewhere, fleet.ambient(), move |change| {
            let follower = follower.clone();
            async move { follower.follow(change).await }
        });
        Ok(fleet)
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<FleetEvent> {
        self.inner.events.subscribe()
    }

    pub(crate) fn tell(&self, event: FleetEvent) {
        // An error only says that nobody listens.
        drop(self.inner.events.send(event));
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.inner.ambient
    }

    pub(crate) fn gateway(&self) -> &dyn Gateway {
        &*self.inner.gateway
    }

    pub(crate) fn authority(&self) -> &dyn Authority {
        &*self.inner.authority
    }

    /// Held while the cluster CAs are read and taken up, so that an older reading never replaces a newer one.
    pub(crate) fn adopting(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.adopting
    }

    /// Whether the database may have other cluster CAs than are held: those it has could not be taken up, or whoever wrote
    /// some did not come to it.
    pub(crate) fn is_behind(&self) -> &AtomicBool {
        &self.inner.is_behind
    }

    pub(crate) fn join_rules(&self) -> &JoinRules {
        &self.inner.join_rules
    }

    /// Says where nodes reach this Host and its replicas (`host:port`, the best first): known once it listens.
    pub fn advertise(&self, addresses: Vec<String>) {
        self.inner.addresses.store(Arc::new(addresses));
    }

    /// Where nodes reach this Host and its replicas.
    #[must_use]
    pub fn addresses(&self) -> Arc<Vec<String>> {
        self.inner.addresses.load_full()
    }

    pub(crate) fn liveness(&self) -> &Liveness {
        &self.inner.liveness
    }

    pub(crate) fn away(&self) -> Option<Away> {
        self.inner.away
    }

    pub(crate) fn own_node(&self) -> &OnceLock<NodeId> {
        &self.inner.own_node
    }

    pub(crate) fn viewers(&self) -> &Viewers {
        &self.inner.viewers
    }

    pub(crate) fn decision(&self) -> DecisionId {
        DecisionId::mint(&self.inner.ambient)
    }

    pub(crate) fn known_nodes(&self) -> arc_swap::Guard<Arc<BTreeMap<NodeId, Arc<Node>>>> {
        self.inner.nodes.load()
    }

    pub(crate) fn known_servers(&self) -> arc_swap::Guard<Arc<BTreeMap<ServerId, Arc<Server>>>> {
        self.inner.servers.load()
    }

    pub(crate) fn known_node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.inner.nodes.load().get(&id).cloned()
    }

    pub(crate) fn known_server(&self, id: ServerId) -> Option<Arc<Server>> {
        self.inner.servers.load().get(&id).cloned()
    }

    /// Brings what is held of a node in line with its row. Its liveness stays.
    pub(crate) async fn reload_node(&self, id: NodeId) -> Result<(), StoreError> {
        let _turn = self.inner.rereading.lock().await;
        let read = self.store().read().await?;
        let row = read.one(node_entity::Entity::find_by_id(id.to_string())).await?;
        match (row, self.known_node(id)) {
            (Some(row), Some(node)) => {
                node.replace_record(&row)?;
                links::reload(&read, &node).await?;
            }
            (Some(row), None) => {
                let node = Arc::new(Node::from_row(&row)?);
                insert(&self.inner.nodes, id, &node);
            }
            (None, _) => remove(&self.inner.nodes, id),
        }
        self.tell(FleetEvent::Node(id));
        Ok(())
    }

    /// Brings what is held of a server in line with its row.
    pub(crate) async fn reload_server(&self, id: ServerId) -> Result<Option<Arc<Server>>, StoreError> {
        let _turn = self.inner.rereading.lock().await;
        let row = self
            .store()
            .read()
            .await?
            .one(server_entity::Entity::find_by_id(id.to_string()))
            .await?;
        let before = self.known_server(id);
        let after = match row {
            Some(row) => {
                let server = Arc::new(Server::from_row(&row, &self.known_nodes())?);
                insert(&self.inner.servers, id, &server);
                Some(server)
            }
            None => {
                remove(&self.inner.servers, id);
                None
            }
        };
        if let Some(server) = after.as_ref().or(before.as_ref()) {
            self.tell(FleetEvent::Server(id, server.node().id()));
        }
        Ok(after)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").finish_non_exhaustive()
    }
}

fn insert<Id: Ord + Copy, Thing>(known: &Known<Id, Thing>, id: Id, thing: &Arc<Thing>) {
    known.rcu(|held| {
        let mut held = BTreeMap::clone(held);
        held.insert(id, Arc::clone(thing));
        held
    });
}

fn remove<Id: Ord + Copy, Thing>(known: &Known<Id, Thing>, id: Id) {
    known.rcu(|held| {
        let mut held = BTreeMap::clone(held);
        held.remove(&id);
        held
    });
}

/// Cuts a page out of things that come with their cursors, in order.
pub(crate) fn page_of<C: ToString, T, V>(
    things: impl Iterator<Item = (C, T)>,
    request: &PageRequest,
    view: impl Fn(T) -> V,
) -> Result<Page<V>, PageError> {
    let limit = usize::try_from(request.limit()?).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut last = None;
    for (cursor, thing) in things {
        if items.len() == limit {
            return Ok(Page {
                items,
                next_cursor: last.as_ref().map(C::to_string),
            });
        }
        last = Some(cursor);
        items.push(view(thing));
    }
    Ok(Page {
        items,
        next_cursor: None,
    })
}

pub(crate) fn from_micros(micros: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}
