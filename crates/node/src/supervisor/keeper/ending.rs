//! What a keeper does when its server's run is over.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::super::course::{self, Course, clock};
use super::super::standing::Rest;
use super::launch::{and_then, seconds};
use super::phase::{Phase, Stopping, Then};
use super::{Keeper, Settled};
use crate::memory::Record;
use crate::process::{Kin, boot};
use crate::refusal::Refusal;
use crate::shim::{Ended, Ending, Papers};

/// A run of this length was no crash loop: its back-off starts anew.
const LASTING: Duration = Duration::from_secs(60);
/// How long a shim that fell silent may still hold its lock.
const SILENCE: Duration = Duration::from_secs(2);
/// Looks for processes that outlived their server, 5 ms apart.
const LOOKS: u32 = 400;

impl Keeper {
    /// The run is over; `None` if its shim went away without a word. `false` once the server is forgotten.
    pub(super) async fn ended(&mut self, ended: Option<Ended>) -> bool {
        let (ending, at) = match (ended, self.standing.run) {
            (Some(ended), _) => (ended.ending, ended.at),
            (None, Some(run)) => self.find_ending(run).await,
            (None, None) => (Ending::Orphaned, self.house.ambient.now()),
        };
        self.conclude(ending, at).await
    }

    /// Takes an ending to its consequences.
    pub(super) async fn conclude(&mut self, ending: Ending, at: OffsetDateTime) -> bool {
        let has_lasted = self
            .phase
            .running()
            .is_some_and(|running| at - running.started_at >= LASTING);
        if has_lasted {
            self.backoff.reset();
        }
        self.standing.run = None;
        self.standing.exit_code = ending.code();
        match std::mem::replace(&mut self.phase, Phase::Down) {
            Phase::Stopping(stopping) => self.finish(stopping).await,
            _ => {
                self.follow(&ending, at).await;
                true
            }
        }
    }

    /// A server that was told to end has ended.
    async fn finish(&mut self, stopping: Stopping) -> bool {
        let settled: Settled = match stopping.then {
            Then::Rest => {
                self.standing.rest = Rest::Stopped;
                self.record_standing().await;
                Ok(Some(self.current()))
            }
            Then::StartAnew => {
                self.standing.fuse.reset();
                self.backoff.reset();
                let reason = self.standing.reason.clone();
                self.launch(&reason).await.map(|()| Some(self.current()))
            }
            Then::Leave => self.leave().await.map(|()| None),
        };
        self.publish();
        let is_gone = matches!(settled, Ok(None));
        for waiter in stopping.waiters {
            // Whoever asked may have given up waiting.
            drop(waiter.send(settled.clone()));
        }
        !is_gone
    }

    /// What the policy makes of an end that nobody ordered.
    pub(super) async fn follow(&mut self, ending: &Ending, at: OffsetDateTime) {
        if self.standing.is_halted {
            // It ended for the machine, and that this is known means that the machine is back.
            return self.wake().await;
        }
        let course = course::after(
            &self.kept.spec,
            self.standing.desired,
            ending,
            &mut self.standing.fuse,
            at,
        );
        let (rest, reason) = match course {
            // Stopped by a person while the agent was away, or while it ended by itself: the person's word stays.
            Course::Rest if !super::is_wanted(&self.standing) => {
                (Rest::Stopped, self.standing.reason.clone())
            }
            Course::Rest => (Rest::Stopped, course::words(ending, at)),
            Course::Fail => (Rest::Failed, course::words(ending, at)),
            Course::Retry => {
                let delay = self.backoff.next_delay();
                self.wait(delay);
                (
                    Rest::Retry,
                    and_then(ending, at, &format!("restarting in {}", seconds(delay))),
                )
            }
            Course::Resume => {
                self.wait(Duration::ZERO);
                (Rest::Retry, and_then(ending, at, "starting it again"))
            }
            Course::Open(until) => {
                self.wait(until_from(self.house.ambient.now(), until));
                let why = course::words(ending, at);
                (
                    Rest::Open { until },
                    format!("crash-loop breaker open until {}; {why}", clock(until)),
                )
            }
        };
        (self.standing.rest, self.standing.reason) = (rest, reason);
        self.record_standing().await;
        self.remark(self.standing.reason.clone()).await;
    }

    /// How a run ended whose shim is gone: by its record, or else by looking for its processes and ending
    /// them, because nobody would hear or stop them any more.
    pub(super) async fn find_ending(&self, run: Uuid) -> (Ending, OffsetDateTime) {
        let papers = self.house.papers(self.kept.spec.id);
        let kin = self.kin(run);
        let looked = spawn_blocking(move || find(&papers, kin())).await;
        let now = self.house.ambient.now();
        match looked {
            Ok(Ok(ended)) => (ended.ending, ended.at),
            Ok(Err(ending)) => (ending, now),
            // Only a runtime that shuts down drops the call.
            Err(_) => (Ending::Orphaned, now),
        }
    }

    /// Forgets the server; its working folder stays.
    pub(super) async fn leave(&mut self) -> Result<(), Refusal> {
        let id = self.kept.spec.id;
        self.house.note(Record::Dropped { id }).await?;
        self.house.roster().remove(&id);
        let folders = [self.house.papers(id).folder().to_owned(), self.house.console(id)];
        let socket = self.house.socket(id);
        // No run has this mark: what is left is known by the account, which goes to nobody else while it lives.
        let kin = self.kin(self.standing.run.unwrap_or_default());
        let cleared = spawn_blocking(move || -> io::Result<()> {
            let kin = kin();
            if kin.uid.is_some() && !kin.end(LOOKS) {
                tracing::error!(server.id = %id, "processes of a removed server could not be ended");
            }
            for folder in folders {
                gone(&folder, fs::remove_dir_all(&folder))?;
            }
            gone(&socket, fs::remove_file(&socket))
        });
        if let Ok(Err(error)) = cleared.await {
            tracing::warn!(server.id = %id, %error, "what a removed server left behind could not be removed");
        }
        Ok(())
    }
}

fn find(papers: &Papers, kin: Kin) -> Result<Ended, Ending> {
    let run = kin.run;
    papers.wait_until_free(SILENCE);
    if let Some(ended) = papers.ended(run) {
        return Ok(ended);
    }
    match papers.running(run) {
        Some(running) if running.boot != boot() => return Err(Ending::Reboot),
        Some(running) => running.server.kill_group(),
        None => {}
    }
    if !kin.end(LOOKS) {
        tracing::error!(%run, "processes of a server without a shim could not be ended");
    }
    Err(Ending::Orphaned)
}

/// What is not there need not be removed.
fn gone(path: &Path, removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
        Ok(()) => Ok(()),
    }
}

/// The wait from now until then; none if it is over.
pub(super) fn until_from(now: OffsetDateTime, until: OffsetDateTime) -> Duration {
    Duration::try_from(until - now).unwrap_or(Duration::ZERO)
}
