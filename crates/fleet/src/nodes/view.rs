//! What people see of a node.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{NodeId, NodeName, NodeStatus, Share};

use super::live::{Link, Live};
use super::{Node, Record};
use crate::{Fleet, Written};

/// A node as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodeView {
    /// Its id.
    pub id: NodeId,
    /// Its name, unique in the cluster.
    pub name: NodeName,
    /// Where its link comes from.
    pub address: String,
    /// The port of its local dashboard; 0 if that is off.
    pub port: u16,
    /// The version of its agent.
    pub version: String,
    /// Its state now.
    pub status: NodeStatus,
    /// Why it is in that state, for people.
    pub reason: String,
    /// Whether it is the Host's own.
    pub local: bool,
    /// When it last spoke.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_ping: Option<OffsetDateTime>,
    /// How many servers it keeps.
    pub server_count: u32,
    /// Free labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: Arc<BTreeMap<String, String>>,
    /// Load average over one minute, as last heard.
    pub load: Option<f64>,
    /// Memory, as last heard.
    pub memory: Option<Share>,
    /// The disk that holds servers' folders, as last heard.
    pub disk: Option<Share>,
    /// When its certificate expires.
    #[serde(with = "time::serde::rfc3339::option")]
    pub certificate_expires_at: Option<OffsetDateTime>,
}

/// All that a [`NodeView`] is made of: the record, what is known at this moment, and the time as far as it makes a state.
#[derive(Debug)]
pub(crate) struct Source {
    record: Arc<Record>,
    changes: u64,
    status: NodeStatus,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.record, &other.record)
            && (self.changes, self.status) == (other.changes, other.status)
    }
}

impl Fleet {
    /// A node as clients see it now, as JSON.
    pub(crate) fn node_written(&self, node: &Node) -> Written {
        let source = Source {
            status: node.status(self.ambient().now(), self.liveness()),
            record: node.record(),
            changes: node.live().changes(),
        };
        node.written.of(source, || self.view_node(node))
    }

    /// A node as clients see it now.
    #[must_use]
    pub fn view_node(&self, node: &Node) -> NodeView {
        let now = self.ambient().now();
        let status = node.status(now, self.liveness());
        let record = node.record();
        let live = node.live();
        let beat = live.heartbeat.as_ref();
        NodeView {
            id: node.id(),
            name: record.name.clone(),
            address: record.address.clone(),
            port: beat.map_or(record.port, |beat| beat.port),
            version: beat.map_or_else(|| record.version.clone(), |beat| beat.version.clone()),
            status,
            reason: reason(status, &record, &live),
            local: record.is_local,
            last_ping: live.heard_at.or(record.last_ping),
            server_count: beat.map_or(0, |beat| beat.server_count),
            labels: Arc::clone(&record.labels),
            load: beat.map(|beat| beat.load),
            memory: beat.map(|beat| beat.memory),
            disk: beat.map(|beat| beat.disk),
            certificate_expires_at: record.certificate_expires_at,
        }
    }
}

fn reason(status: NodeStatus, record: &Record, live: &Live) -> String {
    match (status, &live.kept.fence, &record.revoked_why) {
        (NodeStatus::Locked, Some(why), _) => return format!("fenced: {why}"),
        (NodeStatus::Revoked, _, Some(why)) => return format!("revoked: {why}"),
        _ => {}
    }
    let reason = linked(status, live.link.as_ref());
    match (live.turns.is_flapping(), reason.is_empty()) {
        (false, _) => reason,
        (true, true) => "it comes and goes again and again".to_owned(),
        (true, false) => format!("it comes and goes again and again; {reason}"),
    }
}

fn linked(status: NodeStatus, link: Option<&Link>) -> String {
    match (status, link) {
        (NodeStatus::Pending, _) => "waits for a person to approve it".to_owned(),
        (NodeStatus::Revoked, _) => "its certificate and token were revoked".to_owned(),
        (NodeStatus::Locked, _) => "stopped by a lock".to_owned(),
        (NodeStatus::Online, Some(Link::Down { why, .. })) => why.clone(),
        (NodeStatus::Online, _) => String::new(),
        (_, None) => "it has not connected since this Host started".to_owned(),
        (_, Some(Link::Up { .. })) => "it is connected but has not spoken for a while".to_owned(),
        (_, Some(Link::Down { why, .. })) => why.clone(),
    }
}
