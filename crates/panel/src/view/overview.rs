//! The room at a glance: how many of what in which state, and what needs a person.

use askama::Template;
use time::OffsetDateTime;
use watchroom_fleet::nodes::join::JoinRequestView;
use watchroom_fleet::{NodeView, ServerView};
use watchroom_model::{NodeStatus, ServerStatus};

use super::audit::AuditRow;
use super::{Command, Icon, Lamp, Moment, Shell};
use crate::text::{EN, Text};

/// How many are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// The state.
    pub(crate) lamp: Lamp,
    /// How many.
    pub(crate) count: usize,
}

/// One thing that needs a person.
#[derive(Clone, Debug)]
pub(crate) struct Matter {
    /// The state it is in.
    pub(crate) lamp: Lamp,
    /// What it is called.
    pub(crate) name: String,
    /// Where to look.
    pub(crate) href: String,
    /// Why.
    pub(crate) why: String,
    /// Of when this is, where it is old news.
    pub(crate) old: Option<Moment>,
}

/// Counts of one kind of thing, for those who may see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// By state, without the empty ones.
    pub(crate) counts: Vec<Count>,
    /// All of them.
    pub(crate) total: usize,
}

/// The live part.
#[derive(Debug, Template)]
#[template(path = "pages/overview_live.html")]
pub(crate) struct OverviewLive {
    /// The words.
    pub(crate) t: &'static Text,
    /// Nodes by state; `None` for those who may not see them.
    pub(crate) nodes: Option<Tally>,
    /// Servers by state; `None` for those who may not see them.
    pub(crate) servers: Option<Tally>,
    /// What needs a person.
    pub(crate) matters: Vec<Matter>,
    /// Whether the person may create servers.
    pub(crate) may_create: bool,
    /// The newest of the log book; `None` for those who may not read it.
    pub(crate) recent: Option<Vec<AuditRow>>,
}

/// The overview.
#[derive(Debug, Template)]
#[template(path = "pages/overview.html")]
pub(crate) struct OverviewPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// Its live part.
    pub(crate) live: OverviewLive,
    /// The same by command.
    pub(crate) command: Command,
}

const NODE_ORDER: [NodeStatus; 6] = [
    NodeStatus::Offline,
    NodeStatus::Late,
    NodeStatus::Pending,
    NodeStatus::Locked,
    NodeStatus::Online,
    NodeStatus::Revoked,
];

const SERVER_ORDER: [ServerStatus; 7] = [
    ServerStatus::Failed,
    ServerStatus::CrashLoop,
    ServerStatus::Unknown,
    ServerStatus::Starting,
    ServerStatus::Stopping,
    ServerStatus::Running,
    ServerStatus::Stopped,
];

impl OverviewLive {
    /// The room as seen at `now`: trouble first.
    pub(crate) fn new(
        nodes: Option<&[NodeView]>,
        servers: Option<&[ServerView]>,
        may_create: bool,
        now: OffsetDateTime,
    ) -> Self {
        let mut matters: Vec<_> = nodes
            .unwrap_or_default()
            .iter()
            .filter_map(|node| node_matter(node, now))
            .collect();
        matters.extend(
            servers
                .unwrap_or_default()
                .iter()
                .filter_map(|server| server_matter(server, now)),
        );
        let node_tally = |nodes: &[NodeView]| tally(&NODE_ORDER, nodes.iter().map(|node| node.status));
        let server_tally =
            |servers: &[ServerView]| tally(&SERVER_ORDER, servers.iter().map(|server| server.status));
        Self {
            t: &EN,
            nodes: nodes.map(node_tally),
            servers: servers.map(server_tally),
            matters,
            may_create,
            recent: None,
        }
    }
}

impl OverviewLive {
    /// Puts the machines that wait for a person before all other matters: nothing else can settle those.
    pub(crate) fn await_decisions(&mut self, waiting: &[JoinRequestView]) {
        let matters = waiting.iter().map(|request| Matter {
            lamp: NodeStatus::Pending.into(),
            name: request.name.to_string(),
            href: format!("/nodes/requests/{}", request.id),
            why: EN.join_waits.to_owned(),
            old: None,
        });
        self.matters.splice(0..0, matters);
    }
}

fn tally<S: Copy + PartialEq + Into<Lamp>>(order: &[S], states: impl Iterator<Item = S>) -> Tally {
    let states: Vec<_> = states.collect();
    let counted = order.iter().map(|state| Count {
        lamp: (*state).into(),
        count: states.iter().filter(|one| *one == state).count(),
    });
    Tally {
        counts: counted.filter(|count| count.count > 0).collect(),
        total: states.len(),
    }
}

fn node_matter(node: &NodeView, now: OffsetDateTime) -> Option<Matter> {
    let lamp = Lamp::from(node.status);
    lamp.is_trouble().then(|| Matter {
        lamp,
        name: node.name.to_string(),
        href: format!("/nodes/{}", node.id),
        why: node.reason.clone(),
        old: node.last_ping.map(|at| Moment::age(at, now)),
    })
}

fn server_matter(server: &ServerView, now: OffsetDateTime) -> Option<Matter> {
    let lamp = Lamp::from(server.status);
    lamp.is_trouble().then(|| Matter {
        lamp,
        name: server.name.to_string(),
        href: format!("/servers/{}", server.id),
        why: server.reason.clone(),
        old: server
            .stale
            .then(|| server.as_of.map(|at| Moment::age(at, now)))
            .flatten(),
    })
}
