//! The node's end: dials its Host, answers on that connection, and dials again when it is lost.

mod dial;
mod epoch;
mod orders;
mod pieces;
mod serve;
mod service;

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;
use watchroom_kit::{Ambient, Backoff, Tasks};
use watchroom_model::NodeName;
use watchroom_trust::LinkClient;

use self::epoch::Epoch;
use self::orders::Orders;
use crate::{Agent, ConnectFault, LinkSettings, NodeHello};

/// Where a node dials and what it says of itself.
#[derive(Clone, Debug)]
pub struct DiallerSettings {
    /// The Host's addresses (`host:port`), tried in turn.
    pub addresses: Vec<String>,
    /// The node's certificate and the CA that it trusts.
    pub client: LinkClient,
    /// The node's name.
    pub name: NodeName,
    /// What it can do beyond what its version promises.
    pub capabilities: Vec<String>,
    /// The file that holds the number of the last dial.
    pub epoch_file: PathBuf,
    /// The link's times.
    pub link: LinkSettings,
}

/// How the link stands, for the node's own dashboard and `watchroom status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It is being dialled.
    Connecting {
        /// Name and port.
        address: String,
    },
    /// The Host has admitted the node.
    Up {
        /// Since when.
        since: OffsetDateTime,
        /// Name and port.
        address: String,
    },
    /// There is none.
    Down {
        /// Why, with the next step.
        why: ConnectFault,
        /// When it is dialled again.
        next_try: OffsetDateTime,
    },
}

/// Keeps a node linked to its Host, for ever.
#[derive(Debug)]
pub struct Dialler {
    settings: DiallerSettings,
    ambient: Ambient,
    state: watch::Sender<LinkState>,
}

impl Dialler {
    /// Prepares; nothing is dialled before [`Dialler::run`].
    #[must_use]
    pub fn new(settings: DiallerSettings, ambient: Ambient) -> Self {
        let address = settings.addresses.first().cloned().unwrap_or_default();
        let (state, _) = watch::channel(LinkState::Connecting { address });
        Self {
            settings,
            ambient,
            state,
        }
    }

    /// How the link stands, now and at each change.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.subscribe()
    }

    /// Dials, serves `agent` to the Host, and dials again with growing, jittered waits; ends only when it is
    /// dropped. Orders that are being done go on when the link ends.
    pub async fn run(self, agent: Arc<dyn Agent>) {
        let orders = Orders::new(agent, self.ambient.tasks.clone());
        let epoch = Epoch::kept_in(self.settings.epoch_file.clone());
        let link = &self.settings.link;
        let mut backoff = Backoff::new(link.retry_first, link.retry_most, self.ambient.entropy.clone());
        let mut turn: usize = 0;
        loop {
            let count = self.settings.addresses.len().max(1);
            let address = self
                .settings
                .addresses
                .get(turn % count)
                .cloned()
                .unwrap_or_default();
            turn = turn.wrapping_add(1);
            let was_up_at = self.ambient.clock.elapsed();
            let why = self.link_once(&address, &orders, &epoch).await;
            // A link that lasted starts the waits anew; one that is refused or displaced at once does not, so
            // that two copies of a machine cannot chase each other at full speed.
            let was_up = matches!(*self.state.borrow(), LinkState::Up { .. });
            if was_up && self.ambient.clock.elapsed().saturating_sub(was_up_at) > link.retry_first * 4 {
                backoff.reset();
            }
            let wait = backoff.next_delay();
            tracing::warn!(
                link.address = address,
                link.retry_ms = wait.as_millis(),
                "no link to the Host: {why}"
            );
            self.state.send_replace(LinkState::Down {
                why,
                next_try: self.ambient.now() + wait,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// One link from dial to end; says why it ended.
    async fn link_once(&self, address: &str, orders: &Orders, epoch: &Epoch) -> ConnectFault {
        self.state.send_replace(LinkState::Connecting {
            address: address.to_owned(),
        });
        if self.settings.client.not_after() < self.ambient.now() {
            return ConnectFault::CertificateExpired;
        }
        let hello = NodeHello {
            version: self.settings.link.version.clone(),
            name: self.settings.name.clone(),
            epoch: epoch.raise().await,
            capabilities: self.settings.capabilities.clone(),
            clock: self.ambient.now(),
        };
        let stream = match dial::dial(address, &self.settings.client, &self.settings.link).await {
            Ok(stream) => stream,
            Err(fault) => return fault,
        };
        let tasks = EndOnDrop(self.ambient.tasks.child());
        let service = service::NodeService::new(orders.clone(), hello, self.ambient.clock.clone());
        serve::serve(stream, service, &tasks.0, &self.settings.link, || {
            let since = self.ambient.now();
            tracing::info!(link.address = address, "linked to the Host");
            self.state.send_replace(LinkState::Up {
                since,
                address: address.to_owned(),
            });
        })
        .await
    }
}

/// Ends what one link has started, however the link ends.
struct EndOnDrop(Tasks);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
