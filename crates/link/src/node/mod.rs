//! The node's end: dials each of its Hosts, answers on those connections, and dials again when one is lost.

mod dial;
mod epoch;
mod hosts;
mod line;
mod orders;
mod pieces;
mod renewal;
mod serve;
mod service;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;
use watchroom_kit::Ambient;
use watchroom_model::{NodeId, NodeName};

pub(crate) use self::dial::connect;
use self::epoch::Epoch;
use self::hosts::Hosts;
use self::orders::Orders;
use self::renewal::Renewal;
use crate::{Agent, ConnectFault, LinkSettings, Papers};

/// Where a node dials and what it says of itself.
#[derive(Clone)]
pub struct DiallerSettings {
    /// Which node it is: orders for another are not believed.
    pub node: NodeId,
    /// The addresses (`host:port`) of the Host's replicas. The node holds a link to each.
    pub addresses: Vec<String>,
    /// The node's certificate and the CAs that it trusts.
    pub papers: Arc<dyn Papers>,
    /// The node's name.
    pub name: NodeName,
    /// What it can do beyond what its version promises.
    pub capabilities: Vec<String>,
    /// The file that holds the number of the last dial.
    pub epoch_file: PathBuf,
    /// The link's times.
    pub link: LinkSettings,
}

impl std::fmt::Debug for DiallerSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiallerSettings")
            .field("node", &self.node)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// How one link stands, for the node's own dashboard and `watchroom status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It is being dialled.
    Connecting,
    /// The Host has admitted the node.
    Up {
        /// Since when.
        since: OffsetDateTime,
    },
    /// There is none.
    Down {
        /// Why, with the next step.
        why: ConnectFault,
        /// When it is dialled again.
        next_try: OffsetDateTime,
    },
}

/// How the links stand, by the Host's address.
pub type LinkStates = BTreeMap<String, LinkState>;

/// Keeps a node linked to its Hosts, for ever.
#[derive(Debug)]
pub struct Dialler {
    settings: DiallerSettings,
    ambient: Ambient,
    states: watch::Sender<LinkStates>,
}

/// What all lines of one agent share.
struct Office {
    settings: DiallerSettings,
    ambient: Ambient,
    /// This process, as Hosts know it.
    agent: Uuid,
    epoch: Epoch,
    hosts: Hosts,
    orders: Orders,
    renewal: Renewal,
    states: watch::Sender<LinkStates>,
}

impl Dialler {
    /// Prepares; nothing is dialled before [`Dialler::run`].
    #[must_use]
    pub fn new(settings: DiallerSettings, ambient: Ambient) -> Self {
        let addresses = settings.addresses.iter().cloned();
        let states = addresses
            .map(|address| (address, LinkState::Connecting))
            .collect();
        Self {
            settings,
            ambient,
            states: watch::Sender::new(states),
        }
    }

    /// How the links stand, now and at each change.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<LinkStates> {
        self.states.subscribe()
    }

    /// Dials every address, serves `agent` to whoever answers, and dials again with growing, jittered waits; ends
    /// only when it is dropped. Orders that are being done go on when the link ends.
    pub async fn run(self, agent: Arc<dyn Agent>) {
        let office = Arc::new(Office {
            agent: self.ambient.uuid(),
            epoch: Epoch::kept_in(self.settings.epoch_file.clone()),
            hosts: Hosts::default(),
            orders: Orders::new(agent, self.ambient.tasks.clone()),
            renewal: Renewal::new(
                Arc::clone(&self.settings.papers),
                self.ambient.clone(),
                &self.settings.link,
            ),
            states: self.states,
            settings: self.settings,
            ambient: self.ambient,
        });
        let addresses = office.settings.addresses.clone();
        join_all(addresses.into_iter().map(|address| line::keep(&office, address))).await;
    }
}
