//! The Host's end: all live links, what they report, and who of two links of one node is the newer.

mod admission;
mod arrival;
mod bans;
mod console;
mod door;
mod event;
mod jail;
mod link;
mod metrics;
mod papers;
mod ping;
mod pump;
mod registry;
mod serve;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;
use watchroom_kit::Ambient;
use watchroom_model::{BarredList, NodeId};
use watchroom_trust::OrderSigner;

pub use self::admission::Admission;
pub use self::arrival::{Arrival, Passage};
pub use self::console::ConsoleStream;
pub use self::event::LinkEvent;
pub use self::link::NodeLink;
use self::registry::Registry;
use crate::{ConnectFault, LinkError, LinkSettings, wire};

/// How long a node is given to hear why its link ends, before it ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// All links of this Host. Cloning shares them.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    /// Tells nodes whether two addresses lead to one Host.
    id: Uuid,
    ambient: Ambient,
    settings: LinkSettings,
    admission: Arc<dyn Admission>,
    signer: Arc<OrderSigner>,
    registry: Registry,
    /// Who is kept out, as every node that can be told is told.
    bans: watch::Sender<Arc<BarredList>>,
    /// The last version of what nodes were told of it.
    ban_version: AtomicU64,
}

impl Shared {
    fn hello(&self) -> wire::HostHello {
        wire::HostHello {
            version: self.settings.version.clone(),
            clock_us: wire::micros(self.ambient.now()),
            host: self.id.as_bytes().to_vec(),
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("nodes", &self.nodes())
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub without links. `signer` signs the orders that go over them.
    #[must_use]
    pub fn new(
        ambient: Ambient,
        settings: LinkSettings,
        admission: Arc<dyn Admission>,
        signer: Arc<OrderSigner>,
    ) -> Self {
        let registry = Registry::new(settings.events_kept, ambient.clock.clone());
        Self {
            shared: Arc::new(Shared {
                id: ambient.uuid(),
                ambient,
                settings,
                admission,
                signer,
                registry,
                bans: watch::Sender::default(),
                ban_version: AtomicU64::default(),
            }),
        }
    }

    /// Takes over an accepted TLS stream whose ALPN was [`watchroom_trust::LINK_ALPN`] and whose client
    /// certificate proved `arrival`. Runs until the link ends; dropping it ends the link.
    pub async fn serve<S>(&self, stream: S, arrival: Arrival)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        serve::serve(&self.shared, stream, arrival).await;
    }

    /// The node's live link, if it has one.
    #[must_use]
    pub fn link(&self, node: NodeId) -> Option<NodeLink> {
        self.shared.registry.link(node)
    }

    /// The node's live link, or since when it has none.
    ///
    /// # Errors
    /// [`LinkError::NotConnected`].
    pub fn connected(&self, node: NodeId) -> Result<NodeLink, LinkError> {
        self.link(node).ok_or_else(|| LinkError::NotConnected {
            since: self.shared.registry.gone_since(node),
        })
    }

    /// The nodes with a live link, in order.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        let links = self.shared.registry.links();
        let mut nodes: Vec<_> = links.iter().map(NodeLink::node).collect();
        nodes.sort_unstable();
        nodes
    }

    /// What happens on all links from now on. A receiver that lags by more than
    /// [`LinkSettings::events_kept`] reads [`NodeLink::reports`] and [`NodeLink::heartbeat`] anew.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.shared.registry.events()
    }

    /// Ends a node's link, telling it why: revoked, locked. Returns whether there was one.
    pub async fn cut(&self, node: NodeId, why: ConnectFault) -> bool {
        let Some(link) = self.link(node) else { return false };
        self.shared.registry.retire(node, link.epoch(), &why);
        link.dismiss(&why, FAREWELL).await;
        true
    }

    /// Looks whether the node's link here is still that of the newest agent. If another Host has let in another
    /// one, and ours is alive, two machines have one key: both are fenced.
    pub async fn compare(&self, node: NodeId) {
        let shared = &self.shared;
        let door = shared.registry.door(node);
        let _turn = door.lock().await;
        let (Some(link), Some(newest)) = (self.link(node), shared.admission.newest(node)) else {
            return;
        };
        if newest.agent == link.agent() {
            return;
        }
        if link.is_alive().await {
            let why = format!(
                "two machines have its key: one at {}, one linked to another Host",
                link.peer()
            );
            door::fence(shared, &link, why).await;
        } else {
            shared
                .registry
                .retire(node, link.epoch(), &ConnectFault::Displaced);
            link.end(&ConnectFault::Displaced);
        }
    }

    /// From now on these are kept out and nobody else: every linked node is told what that changes, and every other
    /// one when it is linked. Does not wait for them.
    pub fn bar(&self, list: BarredList) {
        self.shared.bans.send_if_modified(|before| {
            let changes = **before != list;
            if changes {
                *before = Arc::new(list);
            }
            changes
        });
    }

    /// Tells every linked node which CAs to trust now; each then moves to the one that signs. A node that
    /// cannot be told now is told when it is linked again.
    pub async fn tell_anchors(&self) {
        let told = self.shared.registry.links().into_iter().map(async |link| {
            if let Err(error) = papers::tell(&link).await {
                tracing::warn!(node.id = %link.node(), %error, "a node was not told of the cluster's CAs");
            }
        });
        join_all(told).await;
    }
}
