//! The machines: all of them, and one.

use askama::Template;
use time::OffsetDateTime;
use watchroom_fleet::{NodeView, ServerView};
use watchroom_model::{NodeStatus, Share};

use super::cluster_ca::{CaCard, RotationForm};
use super::join::{ClusterLine, InviteRow, RequestRow, Revocation};
use super::machine::{LastHour, OperationCard};
use super::servers::ServerRow;
use super::{Command, Lamp, Moment, Shell, bytes, manner};
use crate::text::{EN, Text};

/// A node as a row or as the head of its page.
#[derive(Clone, Debug)]
pub(crate) struct NodeRow {
    /// What is known of it.
    pub(crate) node: NodeView,
    /// Its state.
    pub(crate) lamp: Lamp,
    /// When it last spoke.
    pub(crate) heard: Option<Moment>,
    /// Whether load, memory and disk are old news.
    pub(crate) is_stale: bool,
    /// Load average over a minute.
    pub(crate) load: String,
    /// Memory in use.
    pub(crate) memory: Option<Gauge>,
    /// Disk in use.
    pub(crate) disk: Option<Gauge>,
}

/// A part of a whole for a `<meter>`.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    /// Hundredths in use.
    pub(crate) percent: u64,
    /// The same in words.
    pub(crate) words: String,
}

impl From<Share> for Gauge {
    fn from(share: Share) -> Self {
        let percent = share
            .used_bytes
            .saturating_mul(100)
            .checked_div(share.total_bytes)
            .unwrap_or(0)
            .min(100);
        Self {
            percent,
            words: EN.of_total(bytes(share.total_bytes), bytes(share.used_bytes)),
        }
    }
}

impl NodeRow {
    /// The node as seen at `now`.
    pub(crate) fn new(node: NodeView, now: OffsetDateTime) -> Self {
        Self {
            lamp: node.status.into(),
            heard: node.last_ping.map(|at| Moment::age(at, now)),
            is_stale: node.status != NodeStatus::Online,
            load: node
                .load
                .map_or_else(|| EN.not_known.to_owned(), |load| format!("{load:.2}")),
            memory: node.memory.map(Gauge::from),
            disk: node.disk.map(Gauge::from),
            node,
        }
    }
}

impl NodeRow {
    /// How its reason is set: as a sentence, unless it begins with a path or a number.
    fn manner(&self) -> &'static str {
        manner(&self.node.reason)
    }
}

/// The live part of the list of nodes.
#[derive(Debug, Template)]
#[template(path = "pages/nodes_live.html")]
pub(crate) struct NodesLive {
    /// The words.
    pub(crate) t: &'static Text,
    /// The cluster in a line.
    pub(crate) cluster: ClusterLine,
    /// Where this part is fetched again: a refused form has another address.
    pub(crate) from: String,
    /// The cluster CA.
    pub(crate) ca: CaCard,
    /// The machines that wait to be let in.
    pub(crate) requests: Vec<RequestRow>,
    /// The rows.
    pub(crate) rows: Vec<NodeRow>,
    /// Where the list goes on.
    pub(crate) next: Option<String>,
    /// Whether the person may restart machines, shut them down and revoke them.
    pub(crate) may_power: bool,
}

/// The list of nodes.
#[derive(Debug, Template)]
#[template(path = "pages/nodes.html")]
pub(crate) struct NodesPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// Whether the person may invite machines.
    pub(crate) may_add: bool,
    /// The invitations that can still be used, for those who may see them.
    pub(crate) invites: Vec<InviteRow>,
    /// The form that makes a new cluster CA, for those who may.
    pub(crate) rotation: Option<RotationForm>,
    /// Its live part.
    pub(crate) live: NodesLive,
    /// The same by command.
    pub(crate) command: Command,
}

/// The live part of a node's page.
#[derive(Debug, Template)]
#[template(path = "pages/node_live.html")]
pub(crate) struct NodeLive {
    /// The words.
    pub(crate) t: &'static Text,
    /// The node.
    pub(crate) row: NodeRow,
    /// When its certificate expires.
    pub(crate) certificate_expires: Option<Moment>,
    /// Its servers.
    pub(crate) servers: Vec<ServerRow>,
    /// Whether the person may see servers at all.
    pub(crate) sees_servers: bool,
    /// Whether the person may create servers here.
    pub(crate) may_create: bool,
    /// What was last done to the machine.
    pub(crate) operation: Option<OperationCard>,
    /// The form's token.
    pub(crate) csrf: String,
}

impl NodeLive {
    /// The node and its servers as seen at `now`; `None` where the person may not see servers.
    pub(crate) fn new(node: NodeView, servers: Option<Vec<ServerView>>, now: OffsetDateTime) -> Self {
        Self {
            t: &EN,
            certificate_expires: node.certificate_expires_at.map(Moment::full),
            row: NodeRow::new(node, now),
            sees_servers: servers.is_some(),
            may_create: false,
            operation: None,
            csrf: String::new(),
            servers: servers
                .unwrap_or_default()
                .into_iter()
                .map(|server| ServerRow::new(server, now))
                .collect(),
        }
    }
}

/// A node's page.
#[derive(Debug, Template)]
#[template(path = "pages/node.html")]
pub(crate) struct NodePage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// Its live part.
    pub(crate) live: NodeLive,
    /// What cannot be taken back, for those who may do it.
    pub(crate) dangers: Vec<Revocation>,
    /// How the machine was in the last hour.
    pub(crate) hour: Option<LastHour>,
    /// The same by command.
    pub(crate) command: Command,
}
