//! The supervisor: finds this node's servers, keeps them, and answers for them over the link.
//!
//! It guarantees that closing it, or killing its process, ends no server; that what a person stopped
//! stays stopped; and that an order is done once per key. One task per server keeps that server
//! ([`keeper`]); what follows an end is decided purely ([`course`], [`fuse`]).

mod course;
mod descent;
mod desk;
mod fuse;
mod here;
mod house;
mod keeper;
mod open;
pub(crate) mod standing;
mod tether;

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use tokio::sync::{broadcast, watch};
use tokio::task::spawn_blocking;
use watchroom_link::{Agent, AgentError, ConsoleFrom, Envelope};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{
    BanNews, BarredList, Heartbeat, Inquiry, Jail, OrderOutcome, Sample, ServerId, ServerReport,
};

use self::desk::Desk;
use self::house::House;
pub use self::open::OpenError;
use crate::bans::Bans;
use crate::console::{self, Reader, Start};
use crate::vitals::Vitals;

/// How long one look at the machine serves for heartbeats.
const VITALS_KEPT: Duration = Duration::from_secs(2);
/// How long closing waits for what is under way.
const CLOSING: Duration = Duration::from_secs(5);

/// Keeps this node's servers.
#[derive(Debug)]
pub struct Supervisor {
    house: Arc<House>,
    desk: Arc<Desk>,
    bans: Arc<Bans>,
    /// When the machine was last looked at, by the clock's own time, and how it was.
    vitals: Mutex<Option<(Duration, Vitals)>>,
    /// Held until closed: one agent at a time has this state folder.
    lock: Mutex<Option<File>>,
}

impl Supervisor {
    /// How many servers have a process now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.house
            .roster()
            .values()
            .filter(|post| post.report.borrow().pid.is_some())
            .count()
    }

    /// Who is kept out, now and after each change.
    pub(crate) fn bans(&self) -> watch::Receiver<Arc<BarredList>> {
        self.bans.watch()
    }

    /// Lets go of the shims and of the state folder; ends no server. What was under way is taken up by the
    /// next agent.
    pub async fn close(&self) {
        if !self.house.tasks.shutdown(CLOSING).await {
            tracing::warn!("some of the node's work did not stop in time; the next agent takes it up");
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn vitals(&self) -> Vitals {
        let now = self.house.ambient.clock.elapsed();
        let mut vitals = self.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        match *vitals {
            Some((at, seen)) if now.saturating_sub(at) < VITALS_KEPT => seen,
            _ => {
                let seen = Vitals::look(&self.house.settings.servers);
                *vitals = Some((now, seen));
                seen
            }
        }
    }
}

#[async_trait]
impl Agent for Supervisor {
    async fn order(&self, envelope: Envelope) -> OrderOutcome {
        self.desk.order(envelope).await
    }

    async fn disbelieved(&self, envelope: Envelope, why: String) {
        self.desk.disbelieved(&envelope, &why).await;
    }

    async fn disbelieved_look(&self, inquiry: Inquiry, why: String) {
        self.desk.disbelieved_look(&inquiry, &why).await;
    }

    async fn bans(&self, news: BanNews) -> Result<u64, AgentError> {
        let bans = self.bans.clone();
        let heard = spawn_blocking(move || bans.hear(&news)).await;
        let failed = |why: String| AgentError::Failed(format!("the bans cannot be kept: {why}"));
        let heard = heard.map_err(|error| failed(error.to_string()))?;
        heard.map_err(|error| failed(error.to_string()))
    }

    async fn jail(&self) -> Result<Jail, AgentError> {
        let (fail2ban, rules) = (&self.house.settings.fail2ban, &self.house.settings.rules);
        let allowed = fail2ban.allows(rules.named_file());
        allowed.map_err(|refusal| AgentError::NotAllowed(refusal.to_string()))?;
        let jail = fail2ban.list().await;
        jail.map_err(|refusal| AgentError::Failed(refusal.to_string()))
    }

    async fn disbelieved_bans(&self, why: String) {
        self.desk.disbelieved_bans(&why).await;
    }

    fn heartbeat(&self) -> Heartbeat {
        let vitals = self.vitals();
        Heartbeat {
            name: self.house.settings.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            port: self.house.settings.port,
            server_count: u32::try_from(self.house.roster().len()).unwrap_or(u32::MAX),
            load: vitals.load,
            memory: vitals.memory,
            disk: vitals.disk,
            clock: self.house.ambient.now(),
        }
    }

    fn metrics(&self, since: OffsetDateTime) -> Vec<Sample> {
        self.house.measured(since)
    }

    fn reports(&self) -> (Vec<ServerReport>, broadcast::Receiver<ServerReport>) {
        // Taken before the snapshot, so that nothing falls between.
        let changes = self.house.reports.subscribe();
        let now = self
            .house
            .roster()
            .values()
            .map(|post| post.report.borrow().clone())
            .collect();
        (now, changes)
    }

    async fn console(
        &self,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<BoxStream<'static, ConsoleEvent>, AgentError> {
        let post = self.house.post(server).ok_or(AgentError::NoSuchServer(server))?;
        let start = match from {
            ConsoleFrom::Last(count) => Start::Last(u64::from(count)),
            ConsoleFrom::Offset(offset) => Start::Offset(offset),
        };
        let folder = self.house.console(server);
        let reader = {
            let folder = folder.clone();
            spawn_blocking(move || Reader::open(&folder, start)).await
        };
        let failed = |error: &dyn std::fmt::Display| {
            AgentError::Failed(format!("the console cannot be read: {error}"))
        };
        let reader = reader
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        Ok(console::view(reader, folder, post.newest, follow))
    }
}
