//! The list of servers.

use askama::Template;
use time::OffsetDateTime;
use watchroom_fleet::ServerView;
use watchroom_model::{Desired, ServerStatus};

use super::{Choice, Command, Field, Icon, Lamp, Moment, Shell, manner};
use crate::text::{EN, Text};

/// A server as a row or as the head of its page.
#[derive(Clone, Debug)]
pub(crate) struct ServerRow {
    /// What is known of it.
    pub(crate) server: ServerView,
    /// Its state.
    pub(crate) lamp: Lamp,
    /// When its process was started.
    pub(crate) started: Option<Moment>,
    /// Of when this is, where its node is away.
    pub(crate) old: Option<Moment>,
    /// Whether the person may start and stop it.
    pub(crate) may_control: bool,
}

impl ServerRow {
    /// The server as seen at `now`, without its buttons.
    pub(crate) fn new(server: ServerView, now: OffsetDateTime) -> Self {
        Self {
            lamp: server.status.into(),
            started: server.started_at.map(|at| Moment::age(at, now)),
            old: server
                .stale
                .then(|| server.as_of.map(|at| Moment::age(at, now)))
                .flatten(),
            server,
            may_control: false,
        }
    }

    /// How its reason is set: as a sentence, unless it begins with a path or a number.
    pub(crate) fn manner(&self) -> &'static str {
        manner(&self.server.reason)
    }

    /// With its buttons, if the person may use them.
    pub(crate) fn controlled(mut self, may_control: bool) -> Self {
        self.may_control = may_control;
        self
    }

    /// Whether a start would change something.
    pub(crate) fn can_start(&self) -> bool {
        self.server.desired == Desired::Stopped
            || matches!(
                self.server.status,
                ServerStatus::Stopped | ServerStatus::Failed | ServerStatus::CrashLoop
            )
    }

    /// Whether a stop would change something.
    pub(crate) fn can_stop(&self) -> bool {
        self.server.desired == Desired::Running && self.server.status != ServerStatus::Stopped
    }
}

/// The live part of the list.
#[derive(Debug, Template)]
#[template(path = "pages/servers_live.html")]
pub(crate) struct ServersLive {
    /// The words.
    pub(crate) t: &'static Text,
    /// The token that forms carry.
    pub(crate) csrf: String,
    /// The rows.
    pub(crate) rows: Vec<ServerRow>,
    /// Where the list goes on.
    pub(crate) next: Option<String>,
    /// Whether a filter is set, so that none found is not none there.
    pub(crate) is_filtered: bool,
    /// Whether the person may create servers.
    pub(crate) may_create: bool,
}

/// The list.
#[derive(Debug, Template)]
#[template(path = "pages/servers.html")]
pub(crate) struct ServersPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// Filter by exact name.
    pub(crate) name: Field,
    /// Filter by node.
    pub(crate) node: Choice,
    /// Filter by state.
    pub(crate) status: Choice,
    /// Its live part.
    pub(crate) live: ServersLive,
    /// The same by command.
    pub(crate) command: Command,
}

/// The states to filter by.
pub(crate) fn status_choice(chosen: &str) -> Choice {
    let options = [
        ("", EN.any),
        ("running", EN.status_running),
        ("starting", EN.status_starting),
        ("stopping", EN.status_stopping),
        ("stopped", EN.status_stopped),
        ("failed", EN.status_failed),
        ("crash_loop", EN.status_crash_loop),
        ("unknown", EN.status_unknown),
    ];
    let options = options.map(|(value, words)| (value.to_owned(), words.to_owned()));
    Choice::new("status", EN.state, options.into(), chosen)
}
