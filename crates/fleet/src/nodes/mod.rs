//! Nodes: their records, how alive they are, and what people see of them.

mod credential;
mod damping;
mod enrol;
pub(crate) mod entity;
mod generations;
pub mod join;
pub(crate) mod links;
mod list;
mod live;
mod locked;
mod metrics;
mod ping;
mod renewal;
mod revoke;
mod rotation;
mod status;
mod token;
mod view;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use watchroom_model::{NodeId, NodeName, NodeStatus};
use watchroom_policy::{Resource, Target};
use watchroom_store::StoreError;

pub use credential::{HeartbeatError, NodeCredential};
pub use damping::Turn;
pub use enrol::LocalNode;
pub use generations::Generation;
pub use live::Liveness;
pub use metrics::MetricsView;
pub use ping::Pong;
pub use renewal::{RenewalError, RenewedPapers};
pub use revoke::Revoked;
pub use rotation::{CaRotation, RotationError};
pub use status::{CaStatus, ClusterStatus, Health};
pub use view::NodeView;

pub(crate) use links::Away;
use live::Live;

use crate::written::{Counted, LastWritten};

/// What the Host was told once and keeps of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) name: NodeName,
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) version: String,
    pub(crate) is_local: bool,
    pub(crate) standing: Standing,
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    pub(crate) last_ping: Option<OffsetDateTime>,
    pub(crate) certificate_expires_at: Option<OffsetDateTime>,
    pub(crate) key_fingerprint: Option<String>,
    pub(crate) token: Option<(String, OffsetDateTime)>,
    pub(crate) revoked_why: Option<String>,
}

/// Whether a node belongs, apart from whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Approved,
    Pending,
    Revoked,
    Locked,
}

impl Standing {
    const WORDS: [(Self, &'static str); 4] = [
        (Self::Approved, "approved"),
        (Self::Pending, "pending"),
        (Self::Revoked, "revoked"),
        (Self::Locked, "locked"),
    ];

    pub(crate) fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(standing, _)| *standing == self)
            .map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(standing, _)| *standing)
    }
}

/// A node as the Host knows it: its record and its heartbeat.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    record: ArcSwap<Record>,
    live: Mutex<Counted<Live>>,
    /// Whether a lock keeps it out for a while, whatever its record says.
    is_locked: AtomicBool,
    pub(crate) written: LastWritten<view::Source>,
    pub(crate) metrics: metrics::LastMetrics,
}

impl Node {
    pub(crate) fn from_row(row: &entity::Model) -> Result<Self, StoreError> {
        let (id, record) = record_of(row).map_err(StoreError::Database)?;
        Ok(Self {
            id,
            record: ArcSwap::from_pointee(record),
            live: Mutex::default(),
            is_locked: AtomicBool::default(),
            written: LastWritten::default(),
            metrics: metrics::LastMetrics::default(),
        })
    }

    pub(crate) fn replace_record(&self, row: &entity::Model) -> Result<(), StoreError> {
        let (_, record) = record_of(row).map_err(StoreError::Database)?;
        self.record.store(Arc::new(record));
        Ok(())
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> NodeName {
        self.record.load().name.clone()
    }

    /// Whether it is the Host's own.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.record.load().is_local
    }

    /// Whether its link may come up; the word says why not (`pending`, `revoked`, `locked`).
    ///
    /// # Errors
    /// The standing that keeps it out.
    pub fn admitted(&self) -> Result<(), &'static str> {
        match self.standing() {
            Standing::Approved => Ok(()),
            other => Err(other.word()),
        }
    }

    fn standing(&self) -> Standing {
        match self.record.load().standing {
            Standing::Approved if self.is_locked.load(Ordering::Acquire) => Standing::Locked,
            other => other,
        }
    }

    /// Takes in whether a lock keeps it out; whether that is new.
    pub(crate) fn lock(&self, is_locked: bool) -> bool {
        self.is_locked.swap(is_locked, Ordering::AcqRel) != is_locked
    }

    /// The SHA-256 of the public key that it is known by, as people compare it; `None` for the Host's own.
    #[must_use]
    pub fn key_fingerprint(&self) -> Option<String> {
        self.record.load().key_fingerprint.clone()
    }

    pub(crate) fn record(&self) -> Arc<Record> {
        self.record.load_full()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Counted<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its state at `now`.
    #[must_use]
    pub fn status(&self, now: OffsetDateTime, liveness: &Liveness) -> NodeStatus {
        match self.standing() {
            Standing::Approved => self.live().status(now, liveness),
            Standing::Pending => NodeStatus::Pending,
            Standing::Revoked => NodeStatus::Revoked,
            Standing::Locked => NodeStatus::Locked,
        }
    }
}

impl Target for Node {
    fn resource(&self) -> Resource {
        let record = self.record.load();
        Resource::node(self.id, Arc::clone(&record.labels)).labelled(record.name.as_str())
    }
}

fn record_of(row: &entity::Model) -> Result<(NodeId, Record), String> {
    let wrong = |what: &str| format!("node {}: {what} cannot be read", row.id);
    let record = Record {
        name: row.name.parse().map_err(|_| wrong("name"))?,
        port: u16::try_from(row.port).map_err(|_| wrong("port"))?,
        standing: Standing::parse(&row.status).ok_or_else(|| wrong("status"))?,
        labels: Arc::new(serde_json::from_str(&row.labels).map_err(|_| wrong("labels"))?),
        last_ping: row.last_ping.and_then(crate::fleet::from_micros),
        certificate_expires_at: row.certificate_expires_at.and_then(crate::fleet::from_micros),
        key_fingerprint: row.key_fingerprint.clone(),
        token: row
            .token_hash
            .clone()
            .zip(row.token_expires_at.and_then(crate::fleet::from_micros)),
        revoked_why: row.revoked_why.clone(),
        is_local: row.is_local,
        address: row.address.clone(),
        version: row.version.clone(),
    };
    let id = row.id.parse().map_err(|_| wrong("id"))?;
    Ok((id, record))
}
