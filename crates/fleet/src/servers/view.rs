//! What people see of a server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{
    Desired, Limits, NodeId, NodeName, NodeStatus, RestartPolicy, ServerId, ServerName, ServerStatus,
    StopMethod,
};

use super::Server;
use crate::Fleet;

/// A server as clients see it. Its environment is not shown: it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerView {
    /// Its id.
    pub id: ServerId,
    /// Its name, unique on its node.
    pub name: ServerName,
    /// The node it is on.
    pub node_id: NodeId,
    /// That node's name.
    pub node_name: NodeName,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working folder below the node's server root; `null` is one of its own.
    pub folder: Option<String>,
    /// The account it runs as; `null` is an unprivileged one of its own.
    pub run_as: Option<String>,
    /// What is wanted of it.
    pub desired: Desired,
    /// What is so, as its node last said.
    pub status: ServerStatus,
    /// Who wanted it, and why it is not so.
    pub reason: String,
    /// Its process.
    pub pid: Option<u32>,
    /// When that was started.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// How the last process ended: its code, or 128 plus the signal's number.
    pub exit_code: Option<i32>,
    /// When it is started again by itself.
    pub restart_policy: RestartPolicy,
    /// How it is asked to end.
    pub stop: StopMethod,
    /// What it may use.
    pub limits: Limits,
    /// How that is held: `none`, `rlimit` or `cgroup`.
    pub limited_by: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Whether its node is away, so that all this is only what was last known.
    pub stale: bool,
    /// When its node last spoke.
    #[serde(with = "time::serde::rfc3339::option")]
    pub as_of: Option<OffsetDateTime>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its record last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Fleet {
    /// A server as clients see it now.
    #[must_use]
    pub fn view_server(&self, server: &Server) -> ServerView {
        let node = server.node();
        let status = node.status(self.ambient().now(), self.liveness());
        let (spec, report) = (&server.spec, &server.report);
        ServerView {
            id: spec.id,
            name: spec.name.clone(),
            node_id: node.id(),
            node_name: node.name(),
            command: spec.command.clone(),
            folder: spec.folder.clone(),
            run_as: spec.run_as.clone(),
            desired: report.desired,
            status: report.status,
            reason: report.reason.clone(),
            pid: report.pid,
            started_at: report.started_at,
            exit_code: report.exit_code,
            restart_policy: spec.restart_policy,
            stop: spec.stop.clone(),
            limits: spec.limits.clone(),
            limited_by: report.limited_by.clone(),
            labels: spec.labels.clone(),
            stale: status != NodeStatus::Online,
            as_of: node.live().heard_at.or(node.record().last_ping),
            created_at: server.created_at,
            updated_at: server.updated_at,
        }
    }
}
