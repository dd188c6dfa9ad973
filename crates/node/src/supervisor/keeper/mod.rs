//! The keeper of one server: a task that owns its state, hears its shim and carries out what is ordered.

mod adopt;
mod command;
mod ending;
mod halt;
mod launch;
mod phase;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use uuid::Uuid;
use watchroom_kit::Backoff;
use watchroom_model::console::Source;
use watchroom_model::{Desired, ServerReport};

use self::phase::{Event, Phase};
use super::house::House;
use super::standing::{Kept, Standing};
use crate::console::{Bounds, Writer};
use crate::gate;
use crate::memory::Record;
use crate::process::Kin;
use crate::refusal::Refusal;
use crate::shim::protocol::Request;

/// The first delay before a restart, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What comes of a command, now or later. A server that was removed has no report any more.
pub(super) type Settled = Result<Option<ServerReport>, Refusal>;

/// The first answer to a command.
#[derive(Debug)]
pub(super) enum Begun {
    /// It is done.
    Done(ServerReport),
    /// Nothing was to do.
    AlreadySo(ServerReport),
    /// The server ends first; the rest follows.
    Underway(oneshot::Receiver<Settled>),
}

/// Where the first answer goes.
pub(super) type Reply = oneshot::Sender<Result<Begun, Refusal>>;

/// What a keeper can be told to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Run it.
    Start(String, Reply),
    /// End it.
    Stop(String, Reply),
    /// End it for the machine, which goes down for this reason; what is desired stays as it is.
    Halt(String, Reply),
    /// The machine stays up: run again what was ended for it.
    GoOn(Reply),
    /// End it and run it anew.
    Restart(String, Reply),
    /// End it and forget it.
    Remove(String, Reply),
    /// Send it a line, once per key.
    Line {
        /// The order's key.
        key: String,
        /// The line.
        text: String,
        /// Where the answer goes.
        reply: Reply,
    },
}

/// What others hold of a keeper.
#[derive(Clone, Debug)]
pub(super) struct Post {
    /// What it is.
    pub kept: Arc<Kept>,
    /// Takes commands.
    pub inbox: mpsc::Sender<Command>,
    /// How the server is.
    pub report: watch::Receiver<ServerReport>,
    /// The number of the next console line; changes whenever there are more.
    pub newest: watch::Receiver<u64>,
}

/// The keeper of one server.
#[derive(Debug)]
pub(super) struct Keeper {
    house: Arc<House>,
    kept: Arc<Kept>,
    standing: Standing,
    phase: Phase,
    backoff: Backoff,
    newest: Arc<watch::Sender<u64>>,
    report: watch::Sender<ServerReport>,
    inbox: mpsc::Receiver<Command>,
}

impl Keeper {
    /// A keeper of a server that is down, for now, and how to reach it.
    pub(super) fn new(house: Arc<House>, kept: Kept, standing: Standing) -> (Self, Post) {
        let kept = Arc::new(kept);
        let phase = Phase::Down;
        let (report, reported) = watch::channel(report(&kept, &standing, &phase));
        let (newest, followed) = watch::channel(0);
        let (sender, inbox) = mpsc::channel(16);
        let backoff = Backoff::new(RETRY.0, RETRY.1, house.ambient.entropy.clone());
        let post = Post {
            kept: kept.clone(),
            inbox: sender,
            report: reported,
            newest: followed,
        };
        let newest = Arc::new(newest);
        (
            Self {
                house,
                kept,
                standing,
                phase,
                backoff,
                newest,
                report,
                inbox,
            },
            post,
        )
    }

    /// Keeps the server until it is removed or the agent lets go.
    pub(super) async fn run(mut self) {
        loop {
            let stays = match self.phase.next(&mut self.inbox).await {
                Event::LetGo => return,
                Event::Command(command) => self.obey(command).await,
                Event::Ended(ended) => self.ended(ended).await,
                Event::Due => self.due().await,
            };
            self.publish();
            if !stays {
                return;
            }
        }
    }

    /// Tells everybody how the server is, if that has changed.
    fn publish(&self) {
        let now = self.current();
        let has_changed = self.report.send_if_modified(|before| {
            let has_changed = *before != now;
            if has_changed {
                before.clone_from(&now);
            }
            has_changed
        });
        if has_changed {
            // Without a listener there is nobody to tell.
            drop(self.house.reports.send(now));
        }
    }

    /// How to find out whom the processes of one of its runs are known by. The call blocks.
    fn kin(&self, run: Uuid) -> impl FnOnce() -> Kin + use<> {
        let (house, kept) = (self.house.clone(), self.kept.clone());
        move || gate::kin(&house.settings, &kept, run)
    }

    fn current(&self) -> ServerReport {
        report(&self.kept, &self.standing, &self.phase)
    }

    /// Writes down how the server stands.
    async fn note_standing(&self) -> Result<(), Refusal> {
        let standing = Box::new(self.standing.clone());
        self.house
            .note(Record::Stands {
                id: self.kept.spec.id,
                standing,
            })
            .await
    }

    /// As [`Keeper::note_standing`], where nobody waits for an answer: what happened has happened, and the
    /// failure is named once in the log.
    async fn record_standing(&self) {
        if let Err(error) = self.note_standing().await {
            tracing::error!(server.id = %self.kept.spec.id, %error, "a server's state cannot be written down");
        }
    }

    /// Writes a remark to the console: through the shim if there is one, otherwise directly.
    async fn remark(&mut self, text: String) {
        let id = self.kept.spec.id;
        if let Some(tether) = self.phase.tether() {
            if let Err(error) = tether.ask(Request::Note { text }).await {
                tracing::warn!(server.id = %id, %error, "a remark could not be written to the console");
            }
            return;
        }
        let (folder, now) = (self.house.console(id), self.house.ambient.clock.now_micros());
        let written = spawn_blocking(move || {
            let mut writer = Writer::open(&folder, Bounds::default())?;
            writer.line(Source::System, now, &text);
            writer.flush(now);
            Ok::<_, std::io::Error>(writer.next_offset())
        });
        match written.await {
            Ok(Ok(next)) => drop(self.newest.send_replace(next)),
            Ok(Err(error)) => {
                tracing::warn!(server.id = %id, %error, "a remark could not be written to the console");
            }
            // Only a runtime that shuts down drops the call.
            Err(_) => {}
        }
    }

    /// The breaker's or the back-off's wait, a stop's patience or a lost shim's next look is over.
    async fn due(&mut self) -> bool {
        match &self.phase {
            Phase::Waiting { .. } => {
                self.retry().await;
                true
            }
            Phase::Stopping(_) => self.press().await,
            Phase::Estranged { .. } => self.resume().await,
            Phase::Down | Phase::Up(_) => true,
        }
    }

    /// Until `wait` from now.
    fn wait(&mut self, wait: Duration) {
        self.phase = Phase::Waiting {
            until: Instant::now() + wait,
        };
    }
}

fn report(kept: &Kept, standing: &Standing, phase: &Phase) -> ServerReport {
    let running = phase.running();
    ServerReport {
        id: kept.spec.id,
        desired: standing.desired,
        status: phase.status(standing.rest),
        reason: match phase {
            Phase::Estranged { why, .. } => format!("its shim cannot be reached: {why}; trying again"),
            _ => standing.reason.clone(),
        },
        pid: running.map(|running| running.server.pid),
        started_at: running.map(|running| running.started_at),
        exit_code: standing.exit_code,
        limited_by: gate::limited_by(&kept.spec.limits),
    }
}

/// Whether a person wants it to run.
fn is_wanted(standing: &Standing) -> bool {
    standing.desired == Desired::Running
}
