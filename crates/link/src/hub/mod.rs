//! The Host's end: all live links, what they report, and who of two links of one node is the newer.

mod event;
mod link;
mod pump;
mod registry;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast;
use watchroom_kit::Ambient;
use watchroom_model::NodeId;

pub use self::event::LinkEvent;
pub use self::link::{ConsoleStream, NodeLink};
use self::registry::Registry;
use crate::{ConnectFault, LinkError, LinkSettings, NodeHello};

/// How long a node is given to hear why its link ends, before it ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether a node that TLS has proven is let in.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// Admits the node, or says by name why not; it is told, and the connection closed.
    async fn admit(&self, node: NodeId, hello: &NodeHello, peer: SocketAddr) -> Result<(), ConnectFault>;
}

/// All links of this Host. Cloning shares them.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    ambient: Ambient,
    settings: LinkSettings,
    admission: Arc<dyn Admission>,
    registry: Registry,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("nodes", &self.nodes())
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub without links.
    #[must_use]
    pub fn new(ambient: Ambient, settings: LinkSettings, admission: Arc<dyn Admission>) -> Self {
        let registry = Registry::new(settings.events_kept, ambient.clock.clone());
        Self {
            shared: Arc::new(Shared {
                ambient,
                settings,
                admission,
                registry,
            }),
        }
    }

    /// Takes over an accepted TLS stream whose ALPN was [`watchroom_trust::LINK_ALPN`] and whose client
    /// certificate named `node`. Runs until the link ends; dropping it ends the link.
    pub async fn serve<S>(&self, stream: S, node: NodeId, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        serve::serve(&self.shared, stream, node, peer).await;
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
        self.shared.registry.nodes()
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
}
