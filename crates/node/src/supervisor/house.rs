//! What all keepers share: settings, time, the journal, and the ear of whoever listens for reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use tokio::sync::broadcast;
use tokio::task::spawn_blocking;
use watchroom_audit::{Draft, Entry};
use watchroom_kit::{Ambient, Tasks};
use watchroom_model::{Sample, ServerId, ServerReport};

use super::keeper::Post;
use crate::ledger::Ledger;
use crate::memory::{Known, Memory, Record};
use crate::metrics::{self, Ring};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::shim::Papers;

/// Reports a listener may be behind before it must ask for all of them again.
const REPORTS: usize = 1_024;

/// What all keepers share.
#[derive(Debug)]
pub(super) struct House {
    /// Where things are.
    pub settings: Settings,
    /// Time and chance.
    pub ambient: Ambient,
    /// The keepers and their connections.
    pub tasks: Tasks,
    /// Each change of a server's report.
    pub reports: broadcast::Sender<ServerReport>,
    roster: Mutex<BTreeMap<ServerId, Post>>,
    memory: Mutex<Memory>,
    ledger: Mutex<Ledger>,
    metrics: Mutex<Ring>,
}

impl House {
    /// Furnishes it.
    pub(super) fn new(settings: Settings, ambient: Ambient, memory: Memory, ledger: Ledger) -> Self {
        let tasks = ambient.tasks.child();
        let reports = broadcast::Sender::new(REPORTS);
        Self {
            settings,
            ambient,
            tasks,
            reports,
            roster: Mutex::default(),
            memory: Mutex::new(memory),
            ledger: Mutex::new(ledger),
            metrics: Mutex::default(),
        }
    }

    /// The keepers by server.
    pub(super) fn roster(&self) -> MutexGuard<'_, BTreeMap<ServerId, Post>> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How to reach a server's keeper.
    pub(super) fn post(&self, id: ServerId) -> Option<Post> {
        self.roster().get(&id).cloned()
    }

    /// Looks something up in what is known.
    pub(super) fn known<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.memory.lock().unwrap_or_else(PoisonError::into_inner).known)
    }

    /// Writes a record down; durable when it returns.
    pub(super) async fn note(self: &Arc<Self>, record: Record) -> Result<(), Refusal> {
        let house = self.clone();
        let noted = spawn_blocking(move || {
            let now = house.ambient.now();
            house
                .memory
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(record, now)
        });
        match noted.await {
            Ok(noted) => noted.map_err(|error| Refusal::JournalUnwritable {
                why: error.to_string(),
            }),
            // Only a runtime that shuts down drops the call.
            Err(_) => Err(Refusal::Interrupted),
        }
    }

    /// Writes an entry into the node's own audit; durable when it returns.
    pub(super) async fn audit(self: &Arc<Self>, draft: Draft) -> Result<(), Refusal> {
        let house = self.clone();
        let written = spawn_blocking(move || {
            house
                .ledger
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(draft)
        });
        match written.await {
            Ok(written) => written.map_err(|error| Refusal::JournalUnwritable {
                why: error.to_string(),
            }),
            // Only a runtime that shuts down drops the call.
            Err(_) => Err(Refusal::Interrupted),
        }
    }

    /// The last entries of the node's own audit, newest first.
    pub(super) fn latest(&self) -> Vec<Entry> {
        self.ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .latest()
    }

    /// Looks at the machine again and again, as long as this agent lives.
    pub(super) fn measure(self: &Arc<Self>) {
        let house = self.clone();
        self.tasks.spawn("metrics", async move {
            let mut pace = tokio::time::interval(metrics::PACE);
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                let house = house.clone();
                // Only a runtime that shuts down drops the call, and this task with it.
                drop(spawn_blocking(move || house.look()).await);
            }
        });
    }

    fn look(&self) {
        let servers = self
            .roster()
            .iter()
            .filter_map(|(id, post)| Some((*id, post.report.borrow().pid?)))
            .collect();
        let (now, elapsed) = (self.ambient.now(), self.ambient.clock.elapsed());
        let mut ring = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        ring.look(Path::new("/proc"), now, elapsed, &servers);
    }

    /// What was measured after `since`, oldest first.
    pub(super) fn measured(&self, since: OffsetDateTime) -> Vec<Sample> {
        self.metrics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .after(since)
    }

    /// Where a server's shim has its papers.
    pub(super) fn papers(&self, id: ServerId) -> Papers {
        Papers::of(&self.settings.state.join("shims").join(id.to_string()))
    }

    /// Where a server's console is.
    pub(super) fn console(&self, id: ServerId) -> PathBuf {
        self.settings.state.join("console").join(id.to_string())
    }

    /// Where a server's shim listens.
    pub(super) fn socket(&self, id: ServerId) -> PathBuf {
        self.settings.runtime.join(format!("{id}.sock"))
    }
}
