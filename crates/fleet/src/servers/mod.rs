//! Servers: what was asked for, what their nodes say, and the orders that make the two agree.

mod console;
mod control;
mod create;
pub(crate) mod entity;
mod list;
mod order;
mod remove;
mod report;
mod view;
mod viewers;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use watchroom_model::{NodeId, ServerId, ServerReport, ServerSpec};
use watchroom_policy::{Resource, Target};
use watchroom_store::StoreError;

use crate::Node;
use crate::fleet::from_micros;

pub use console::{ConsoleError, ConsoleStream};
pub use create::{CreateError, NewServer};
pub use list::ServerFilter;
pub use order::{Acted, Outcome};
pub use report::IsNews;
pub use view::ServerView;
pub use viewers::Crowd;
pub(crate) use viewers::Viewers;

pub use crate::fault::OrderError;

/// A server as the Host knows it.
#[derive(Debug)]
pub struct Server {
    spec: ServerSpec,
    node: Arc<Node>,
    report: ServerReport,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Server {
    pub(crate) fn from_row(
        row: &entity::Model,
        nodes: &BTreeMap<NodeId, Arc<Node>>,
    ) -> Result<Self, StoreError> {
        let wrong = |what: &str| StoreError::Database(format!("server {}: {what} cannot be read", row.id));
        let node = row
            .node_id
            .parse()
            .ok()
            .and_then(|id: NodeId| nodes.get(&id))
            .ok_or_else(|| wrong("node_id"))?;
        let spec: ServerSpec = serde_json::from_str(&row.spec).map_err(|_| wrong("spec"))?;
        let report = ServerReport {
            id: spec.id,
            desired: of_word(&row.desired).ok_or_else(|| wrong("desired"))?,
            status: of_word(&row.status).ok_or_else(|| wrong("status"))?,
            pid: row.pid.and_then(|pid| u32::try_from(pid).ok()),
            started_at: row.started_at.and_then(from_micros),
            exit_code: row.exit_code.and_then(|code| i32::try_from(code).ok()),
            reason: row.reason.clone(),
            limited_by: row.limited_by.clone(),
        };
        let time = |micros| from_micros(micros).ok_or_else(|| wrong("a time"));
        let (created_at, updated_at) = (time(row.created_at)?, time(row.updated_at)?);
        Ok(Self {
            spec,
            node: Arc::clone(node),
            report,
            created_at,
            updated_at,
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ServerId {
        self.spec.id
    }

    /// What it is.
    #[must_use]
    pub fn spec(&self) -> &ServerSpec {
        &self.spec
    }

    /// The node it is on.
    #[must_use]
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// What its node last said of it.
    #[must_use]
    pub fn report(&self) -> &ServerReport {
        &self.report
    }
}

impl Target for Server {
    fn resource(&self) -> Resource {
        let labels = Arc::clone(&self.node.record().labels);
        Resource::server(self.spec.id, self.node.id(), labels).labelled(self.spec.name.as_str())
    }
}

/// The word by which an enumeration is stored: the one it has in JSON.
pub(crate) fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(crate) fn of_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}
