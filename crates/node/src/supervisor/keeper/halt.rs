//! How a keeper stops its server for the machine, and goes on with it after: what is desired stays as it is.

use std::time::Duration;

use tokio::sync::oneshot;

use super::super::course::clock;
use super::super::standing::Rest;
use super::ending::until_from;
use super::phase::{Phase, Then};
use super::{Begun, Keeper};
use crate::refusal::Refusal;

impl Keeper {
    /// Ends it if it runs, and starts it no more until [`Keeper::go_on`] or the next agent. Written down before it is
    /// asked to end, so that whatever happens meanwhile it is known why it is down.
    pub(super) async fn halt(&mut self, why: &str) -> Result<Begun, Refusal> {
        self.is_reachable()?;
        let why = format!("{why} {}", clock(self.house.ambient.now()));
        match &mut self.phase {
            Phase::Down | Phase::Estranged { .. } => Ok(Begun::AlreadySo(self.current())),
            Phase::Waiting { .. } => {
                self.standing.is_halted = true;
                if self.standing.rest == Rest::Retry {
                    (self.standing.rest, self.standing.reason) = (Rest::Stopped, why);
                }
                self.phase = Phase::Down;
                self.note_standing().await?;
                Ok(Begun::AlreadySo(self.current()))
            }
            // Somebody is stopping it anyway.
            Phase::Stopping(stopping) if stopping.then != Then::StartAnew => {
                let (settled, settles) = oneshot::channel();
                stopping.waiters.push(settled);
                Ok(Begun::Underway(settles))
            }
            Phase::Up(_) | Phase::Stopping(_) => {
                self.standing.is_halted = true;
                self.begin_end(why, Then::Rest).await
            }
        }
    }

    /// The machine stays up after all: what was stopped for it is started again.
    pub(super) async fn go_on(&mut self) -> Result<Begun, Refusal> {
        if !self.standing.is_halted {
            return Ok(Begun::AlreadySo(self.current()));
        }
        if let Phase::Stopping(stopping) = &mut self.phase {
            stopping.then = Then::StartAnew;
            self.standing.is_halted = false;
            self.note_standing().await?;
        } else {
            self.wake().await;
        }
        Ok(Begun::Done(self.current()))
    }

    /// Starts at once what was stopped for the machine, unless its breaker is open.
    pub(super) async fn wake(&mut self) {
        self.standing.is_halted = false;
        if let Rest::Open { until } = self.standing.rest {
            self.wait(until_from(self.house.ambient.now(), until));
        } else {
            self.standing.rest = Rest::Retry;
            self.wait(Duration::ZERO);
        }
        self.record_standing().await;
    }
}
