//! A server: what was asked for (its specification and desired state) and what is so (its report).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

pub use self::check::SpecError;
use crate::{ServerId, ServerName};

mod check;

/// What a person wants of a server. It stays so over every restart of agent, Host and machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// It should run.
    Running,
    /// It should not.
    Stopped,
}

/// What is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerStatus {
    /// Its process is being made, or waits for its restart delay.
    Starting,
    /// Its process is alive.
    Running,
    /// It was told to stop and has not ended yet.
    Stopping,
    /// It is down as desired.
    Stopped,
    /// It ended or could not start, and will not be tried again by itself.
    Failed,
    /// It ended too often in too short a time; the breaker is open.
    CrashLoop,
    /// Its node has not said.
    Unknown,
}

/// When the node starts an ended server again by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never.
    Never,
    /// When it ended with a failure or by a signal.
    #[default]
    OnFailure,
    /// However it ended, as long as it is desired to run, and at the start of the node.
    Always,
    /// However it ended, unless a person stopped it; not at the start of the node after such a stop.
    UnlessStopped,
}

/// The signals a stop may begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// Ask politely.
    #[default]
    Term,
    /// As Ctrl-C would.
    Int,
    /// As a closed terminal would.
    Hup,
    /// Ask for a core, or for whatever the program makes of it.
    Quit,
}

/// How a server is asked to end before it is killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StopMethod {
    /// A console line sent first (such as `stop`); the signal follows only when the wait is over.
    pub line: Option<String>,
    /// The signal, sent at once if there is no line.
    pub signal: StopSignal,
    /// How long to wait before it is killed, in seconds. Default 10, at most 600.
    pub patience_s: u32,
}

impl Default for StopMethod {
    fn default() -> Self {
        Self {
            line: None,
            signal: StopSignal::default(),
            patience_s: 10,
        }
    }
}

/// What a server may use. `None` is no limit of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor time in hundredths of one core (150 is one and a half).
    pub cpu_percent: Option<u32>,
    /// Processes and threads.
    pub processes: Option<u32>,
    /// Open files.
    pub open_files: Option<u32>,
}

/// When the node stops trying: more than `attempts` ends within `interval_s` open the breaker for `delay_s`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Ends tolerated. Default 5.
    pub attempts: u32,
    /// Within how many seconds. Default 60.
    pub interval_s: u32,
    /// For how many seconds it then stays down before one more try. Default 300.
    pub delay_s: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            attempts: 5,
            interval_s: 60,
            delay_s: 300,
        }
    }
}

/// What a server is: everything needed to run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerSpec {
    /// Its id.
    pub id: ServerId,
    /// Its name, unique on its node.
    pub name: ServerName,
    /// Program and arguments; never a shell string.
    pub command: Vec<String>,
    /// Environment added to the small one every server gets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working folder below the node's server root; `None` is a folder of its own, named by its id.
    #[serde(default)]
    pub folder: Option<String>,
    /// The account it runs as; `None` is the node's unprivileged default.
    #[serde(default)]
    pub run_as: Option<String>,
    /// When it is started again by itself.
    #[serde(default)]
    pub restart_policy: RestartPolicy,
    /// When trying again stops.
    #[serde(default)]
    pub breaker: Breaker,
    /// How it is asked to end.
    #[serde(default)]
    pub stop: StopMethod,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Free labels for filters.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What a node says of one of its servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerReport {
    /// Which server.
    pub id: ServerId,
    /// What is wanted of it.
    pub desired: Desired,
    /// What is so.
    pub status: ServerStatus,
    /// Who wanted it and why it is not so: "stopped by alice 12:04", "exited with 1", "breaker open until 12:20".
    pub reason: String,
    /// Its process, while it has one.
    pub pid: Option<u32>,
    /// When that process was started.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// How the last process ended: its code, or 128 plus the signal's number.
    pub exit_code: Option<i32>,
    /// How its limits are held: `none`, `rlimit` or `cgroup`.
    #[serde(default)]
    pub limited_by: String,
}
