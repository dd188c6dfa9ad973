//! How a keeper carries out what it is told.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use watchroom_model::Desired;

use super::super::course::clock;
use super::super::standing::Rest;
use super::super::tether::{AskError, Tether};
use super::phase::{Phase, Pressure, Stopping, Then};
use super::{Begun, Command, Keeper};
use crate::refusal::Refusal;
use crate::shim::protocol::Request;

/// How long a server may take to die of a signal that followed an unheeded line, or of a kill.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// Looks for processes that outlived their server, 5 ms apart.
const LOOKS: u32 = 400;

impl Keeper {
    /// Carries out a command; `false` once the server is forgotten.
    pub(super) async fn obey(&mut self, command: Command) -> bool {
        let (begun, reply) = match command {
            Command::Start(by, reply) => (self.start(&by).await, reply),
            Command::Stop(by, reply) => (self.stop(&by).await, reply),
            Command::Restart(by, reply) => (self.restart(&by).await, reply),
            Command::Halt(why, reply) => (self.halt(&why).await, reply),
            Command::GoOn(reply) => (self.go_on().await, reply),
            Command::Line { key, text, reply } => (self.line(key, text).await, reply),
            Command::Remove(by, reply) => {
                let begun = self.remove(&by).await;
                let is_gone = matches!(begun, Ok(Begun::Done(_)));
                self.publish();
                drop(reply.send(begun));
                return !is_gone;
            }
        };
        // Published first: whoever got the answer finds the report to match.
        self.publish();
        drop(reply.send(begun));
        true
    }

    async fn start(&mut self, by: &str) -> Result<Begun, Refusal> {
        self.is_reachable()?;
        self.is_staying()?;
        match &self.phase {
            Phase::Up(_) if self.standing.desired == Desired::Running => Ok(Begun::AlreadySo(self.current())),
            Phase::Stopping(_) => self.begin_stop(by, Desired::Running, Then::StartAnew).await,
            _ => {
                self.forgive();
                self.launch(&self.said("started", by)).await?;
                Ok(Begun::Done(self.current()))
            }
        }
    }

    async fn restart(&mut self, by: &str) -> Result<Begun, Refusal> {
        self.is_reachable()?;
        self.is_staying()?;
        if self.phase.tether().is_some() {
            return self.begin_stop(by, Desired::Running, Then::StartAnew).await;
        }
        self.forgive();
        self.launch(&self.said("restarted", by)).await?;
        Ok(Begun::Done(self.current()))
    }

    async fn stop(&mut self, by: &str) -> Result<Begun, Refusal> {
        self.is_reachable()?;
        if self.phase.tether().is_some() {
            let then = if self.standing.is_leaving {
                Then::Leave
            } else {
                Then::Rest
            };
            return self.begin_stop(by, Desired::Stopped, then).await;
        }
        if self.standing.desired == Desired::Stopped {
            return Ok(Begun::AlreadySo(self.current()));
        }
        self.standing.desired = Desired::Stopped;
        self.standing.is_halted = false;
        self.standing.rest = Rest::Stopped;
        self.standing.reason = self.said("stopped", by);
        self.phase = Phase::Down;
        self.note_standing().await?;
        self.remark(self.standing.reason.clone()).await;
        Ok(Begun::Done(self.current()))
    }

    /// `Done` here means gone: the keeper ends.
    async fn remove(&mut self, by: &str) -> Result<Begun, Refusal> {
        self.is_reachable()?;
        self.standing.is_leaving = true;
        if self.phase.tether().is_some() {
            return self.begin_stop(by, Desired::Stopped, Then::Leave).await;
        }
        if let Err(refusal) = self.leave().await {
            self.standing.is_leaving = false;
            return Err(refusal);
        }
        Ok(Begun::Done(self.current()))
    }

    async fn line(&mut self, key: String, text: String) -> Result<Begun, Refusal> {
        self.is_reachable()?;
        let tether = self.phase.tether().ok_or(Refusal::NotRunning)?;
        match tether.ask(Request::Line { key, text }).await {
            Ok(()) => Ok(Begun::Done(self.current())),
            Err(error) => Err(Refusal::LineNotTaken {
                why: error.to_string(),
            }),
        }
    }

    /// Begins an end that somebody ordered.
    async fn begin_stop(&mut self, by: &str, desired: Desired, then: Then) -> Result<Begun, Refusal> {
        self.standing.desired = desired;
        self.standing.is_halted = false;
        let why = match then {
            Then::Rest => self.said("stopped", by),
            Then::StartAnew => self.said("restarted", by),
            Then::Leave => self.said("removed", by),
        };
        self.begin_end(why, then).await
    }

    /// Asks the server to end, unless that was done before, and notes why and what is to follow.
    pub(super) async fn begin_end(&mut self, why: String, then: Then) -> Result<Begun, Refusal> {
        self.standing.reason = why;
        self.note_standing().await?;
        self.remark(self.standing.reason.clone()).await;
        let (settled, settles) = oneshot::channel();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Down) {
            Phase::Up(tether) => {
                let mut stopping = self.ask_to_end(tether, then).await;
                stopping.waiters.push(settled);
                Phase::Stopping(stopping)
            }
            Phase::Stopping(mut stopping) => {
                stopping.then = then;
                stopping.waiters.push(settled);
                Phase::Stopping(stopping)
            }
            other => other,
        };
        Ok(Begun::Underway(settles))
    }

    /// The first, polite step of a stop.
    pub(super) async fn ask_to_end(&self, mut tether: Tether, then: Then) -> Stopping {
        let stop = &self.kept.spec.stop;
        let mut pressure = Pressure::Signal;
        if let Some(text) = stop.line.clone() {
            // A server that takes no lines is asked by the signal at once.
            if tether
                .ask(Request::Line {
                    key: String::new(),
                    text,
                })
                .await
                .is_ok()
            {
                pressure = Pressure::Line;
            }
        }
        if pressure == Pressure::Signal {
            self.heard(tether.ask(Request::Signal { signal: stop.signal }).await);
        }
        let until = Instant::now() + Duration::from_secs(u64::from(stop.patience_s));
        Stopping {
            tether,
            until,
            pressure,
            then,
            waiters: Vec::new(),
        }
    }

    /// The server did not end in time: press harder.
    pub(super) async fn press(&mut self) -> bool {
        let Phase::Stopping(mut stopping) = std::mem::replace(&mut self.phase, Phase::Down) else {
            return true;
        };
        stopping.until = Instant::now() + LAST_PATIENCE;
        let patience = self.kept.spec.stop.patience_s;
        match stopping.pressure {
            Pressure::Line => {
                stopping.pressure = Pressure::Signal;
                let signal = self.kept.spec.stop.signal;
                self.heard(stopping.tether.ask(Request::Signal { signal }).await);
            }
            Pressure::Signal => {
                stopping.pressure = Pressure::Kill;
                self.standing.reason = format!("{}; killed after {patience} s", self.standing.reason);
                self.heard(stopping.tether.ask(Request::Kill).await);
            }
            Pressure::Kill => {
                // The shim was asked and the server still stands: do it ourselves.
                let running = stopping.tether.running().clone();
                running.server.kill_group();
                let kin = self.kin(running.run);
                let looked = tokio::task::spawn_blocking(move || kin().end(LOOKS)).await;
                tracing::warn!(server.id = %self.kept.spec.id, is_gone = ?looked.ok(), "a server had to be killed directly");
            }
        }
        self.phase = Phase::Stopping(stopping);
        true
    }

    /// A request that failed is not lost: the end of the shim is an event of its own, and pressure grows.
    fn heard(&self, asked: Result<(), AskError>) {
        if let Err(error) = asked {
            tracing::warn!(server.id = %self.kept.spec.id, %error, "a shim did not do what it was asked");
        }
    }

    /// A person looked at it: old failures count no more.
    fn forgive(&mut self) {
        self.standing.fuse.reset();
        self.backoff.reset();
    }

    pub(super) fn is_reachable(&self) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Estranged { why, .. } => Err(Refusal::ShimUnreachable { why: why.clone() }),
            _ => Ok(()),
        }
    }

    /// What is being removed is not started any more.
    fn is_staying(&self) -> Result<(), Refusal> {
        if self.standing.is_leaving {
            Err(Refusal::NoSuchServer {
                id: self.kept.spec.id,
            })
        } else {
            Ok(())
        }
    }

    fn said(&self, done: &str, by: &str) -> String {
        format!("{done} by {by} {}", clock(self.house.ambient.now()))
    }
}
