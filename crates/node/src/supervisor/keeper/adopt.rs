//! How a keeper finds its server again after the agent, or the machine, was restarted.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::super::standing::Rest;
use super::super::tether::Tether;
use super::ending::until_from;
use super::phase::{Phase, Then};
use super::{Keeper, is_wanted};

/// How long a shim may take to be reached: all are to be adopted within two seconds.
const REACH: Duration = Duration::from_millis(1_500);
/// When a shim that could not be reached is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// What a look for a shim found.
enum Found {
    Here(Tether),
    Gone,
    Unreachable(String),
}

impl Keeper {
    /// Goes on where the last agent was; `false` if the server was being removed and is now gone.
    pub(in super::super) async fn resume(&mut self) -> bool {
        let stays = match self.standing.run {
            Some(run) => match self.look_for_shim(run).await {
                Found::Here(tether) => {
                    self.adopt(tether).await;
                    true
                }
                Found::Gone => {
                    let (ending, at) = self.find_ending(run).await;
                    self.conclude(ending, at).await
                }
                Found::Unreachable(why) => {
                    self.phase = Phase::Estranged {
                        until: Instant::now() + AGAIN,
                        why,
                    };
                    true
                }
            },
            None => self.rest_on().await,
        };
        let stays = stays && !self.has_left().await;
        self.publish();
        stays
    }

    async fn adopt(&mut self, tether: Tether) {
        // The last agent may have been stopped in the middle of a stop.
        let then = match (self.standing.is_leaving, is_wanted(&self.standing)) {
            (true, _) => Then::Leave,
            (false, false) => Then::Rest,
            (false, true) if self.standing.is_halted => {
                self.standing.is_halted = false;
                self.record_standing().await;
                Then::StartAnew
            }
            (false, true) => {
                self.phase = Phase::Up(tether);
                return;
            }
        };
        self.phase = Phase::Stopping(self.ask_to_end(tether, then).await);
    }

    async fn look_for_shim(&self, run: Uuid) -> Found {
        let id = self.kept.spec.id;
        let (papers, socket) = (self.house.papers(id), self.house.socket(id));
        let until = Instant::now() + REACH;
        loop {
            // Held first, then tried: a shim that ends in between is seen as gone the next time round.
            let is_held = papers.is_held();
            let connected = Tether::connect(&socket, &self.house.tasks, self.newest.clone());
            let why = match timeout(REACH, connected).await {
                Ok(Ok(tether)) if tether.running().run == run => return Found::Here(tether),
                Ok(Ok(_)) => "it runs something that this agent did not start".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it does not answer".to_owned(),
            };
            if !is_held {
                return Found::Gone;
            }
            if Instant::now() >= until {
                return Found::Unreachable(why);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// No run was under way: a wait goes on, everything else stays as it was.
    async fn rest_on(&mut self) -> bool {
        if self.standing.is_halted {
            self.wake().await;
        } else if is_wanted(&self.standing) {
            match self.standing.rest {
                Rest::Retry => {
                    let delay = self.backoff.next_delay();
                    self.wait(delay);
                }
                Rest::Open { until } => self.wait(until_from(self.house.ambient.now(), until)),
                Rest::Stopped | Rest::Failed => {}
            }
        }
        true
    }

    /// Finishes a removal that the last agent began, if nothing runs any more.
    async fn has_left(&mut self) -> bool {
        if !self.standing.is_leaving
            || self.phase.running().is_some()
            || matches!(self.phase, Phase::Estranged { .. })
        {
            return false;
        }
        match self.leave().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(server.id = %self.kept.spec.id, %error, "a removal could not be finished");
                false
            }
        }
    }
}
