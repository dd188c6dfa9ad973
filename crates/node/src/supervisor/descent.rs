//! The machine goes down: its servers are stopped one after the other, the newest first, then it is told.
//!
//! What is desired of the servers stays as it is, so they run again when the agent comes back. Until the machine
//! has been told, the descent can be called off.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use watchroom_model::{JailedAddress, MachineOrder, OrderOutcome, ServerName};

use super::desk::Desk;
use super::keeper::{Begun, Command, Post};
use crate::power::{Going, Means};
use crate::refusal::Refusal;

/// How long a machine that was told to go down may still stand before its servers are started again.
const STANDS: Duration = Duration::from_secs(600);

/// A descent under way.
#[derive(Debug)]
pub(super) struct Descent {
    going: Going,
    by: String,
    point: watch::Sender<Point>,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Point {
    /// Servers are being stopped.
    Stopping,
    /// Somebody does not want it any more.
    CalledOff(String),
    /// The machine has been told.
    Told,
}

impl Descent {
    fn refusal(&self) -> Refusal {
        Refusal::GoingDown {
            verb: self.going.verb(),
            by: self.by.clone(),
        }
    }

    /// Goes from stopping to `point`; otherwise says where it is already.
    fn advance(&self, point: Point) -> Result<(), Point> {
        let mut already = Point::Stopping;
        self.point.send_if_modified(|now| {
            already = now.clone();
            let goes = *now == Point::Stopping;
            if goes {
                *now = point;
            }
            goes
        });
        if already == Point::Stopping {
            Ok(())
        } else {
            Err(already)
        }
    }

    async fn called_off(&self) {
        let mut point = self.point.subscribe();
        // It ends with the descent itself, which whoever waits here holds.
        drop(point.wait_for(|now| matches!(now, Point::CalledOff(_))).await);
    }
}

impl Desk {
    /// Does an order about the machine. Servers get `patience` to end.
    pub(super) async fn machine(
        self: &Arc<Self>,
        order: MachineOrder,
        by: String,
        patience: Duration,
    ) -> OrderOutcome {
        let outcome = match order {
            MachineOrder::Restart => self.go_down(Going::Restart, by, patience).await,
            MachineOrder::ShutDown => self.go_down(Going::ShutDown, by, patience).await,
            MachineOrder::StayUp => self.stay_up(by),
            MachineOrder::Unjail { address } => self.unjail(address).await,
        };
        outcome.unwrap_or_else(OrderOutcome::from)
    }

    /// Refuses to start anything while the machine goes down.
    pub(super) fn stays_up(&self) -> Result<(), Refusal> {
        let descent = self.descent.lock().unwrap_or_else(PoisonError::into_inner);
        descent.as_ref().map_or(Ok(()), |descent| Err(descent.refusal()))
    }

    async fn go_down(
        self: &Arc<Self>,
        going: Going,
        by: String,
        patience: Duration,
    ) -> Result<OrderOutcome, Refusal> {
        let means = going.means(&self.house.settings)?;
        let descent = self.begin(going, by)?;
        let (stopped, left) = self.halt_all(&descent, Instant::now() + patience).await;
        let told = self.tell(&descent, means).await;
        if let Err(refusal) = told {
            self.go_on().await;
            return Err(refusal);
        }
        let desk = Arc::clone(self);
        self.house.tasks.spawn("machine stands", async move {
            tokio::time::sleep(STANDS).await;
            tracing::error!(
                "the machine was told to go down and still stands; its servers are started again"
            );
            desk.go_on().await;
        });
        Ok(OrderOutcome::GoesDown { stopped, left })
    }

    fn begin(&self, going: Going, by: String) -> Result<Arc<Descent>, Refusal> {
        let mut slot = self.descent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = &*slot {
            return Err(before.refusal());
        }
        let point = watch::Sender::new(Point::Stopping);
        let descent = Arc::new(Descent { going, by, point });
        *slot = Some(Arc::clone(&descent));
        Ok(descent)
    }

    async fn tell(&self, descent: &Descent, means: Means) -> Result<(), Refusal> {
        match descent.advance(Point::Told) {
            Ok(()) => means.carry_out().await,
            Err(Point::CalledOff(by)) => Err(Refusal::CalledOff { by }),
            Err(_) => Err(Refusal::TooLate),
        }
    }

    async fn unjail(&self, address: JailedAddress) -> Result<OrderOutcome, Refusal> {
        let was_in = self.house.settings.fail2ban.lift(address).await?;
        let report = None;
        Ok(if was_in {
            OrderOutcome::Done { report }
        } else {
            OrderOutcome::AlreadySo { report }
        })
    }

    fn stay_up(&self, by: String) -> Result<OrderOutcome, Refusal> {
        let slot = self.descent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(descent) = &*slot else {
            return Ok(OrderOutcome::AlreadySo { report: None });
        };
        match descent.advance(Point::CalledOff(by)) {
            Ok(()) => Ok(OrderOutcome::Done { report: None }),
            Err(Point::CalledOff(_)) => Ok(OrderOutcome::AlreadySo { report: None }),
            Err(_) => Err(Refusal::TooLate),
        }
    }

    /// Stops what runs, until the time is over or somebody calls it off: who was stopped, and who still runs.
    async fn halt_all(&self, descent: &Descent, until: Instant) -> (Vec<ServerName>, Vec<ServerName>) {
        let why = format!(
            "stopped for the machine's {} by {}",
            descent.going.noun(),
            descent.by
        );
        // By id, and so by age: what was made first may be what the others lean on.
        let posts: Vec<Post> = self.house.roster().values().rev().cloned().collect();
        let (mut stopped, mut left) = (Vec::new(), Vec::new());
        for post in posts {
            let name = post.kept.spec.name.clone();
            let halted = tokio::select! {
                halted = halt(&post, &why, until) => halted,
                () = descent.called_off() => break,
            };
            match halted {
                Ok(true) => stopped.push(name),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(server.id = %post.kept.spec.id, %error, "a server still runs while the machine goes down");
                    left.push(name);
                }
            }
        }
        (stopped, left)
    }

    /// The machine stays up: starts what was stopped for it.
    async fn go_on(&self) {
        let posts: Vec<Post> = self.house.roster().values().cloned().collect();
        self.descent.lock().unwrap_or_else(PoisonError::into_inner).take();
        for post in posts {
            let (reply, begun) = oneshot::channel();
            let gone = || Refusal::NoSuchServer {
                id: post.kept.spec.id,
            };
            let sent = post.inbox.send(Command::GoOn(reply)).await.map_err(|_| gone());
            let begun = match sent {
                Ok(()) => begun.await.map_err(|_| gone()).and_then(|begun| begun),
                Err(refusal) => Err(refusal),
            };
            if let Err(error) = begun {
                tracing::warn!(server.id = %post.kept.spec.id, %error, "a server was not started again");
            }
        }
    }
}

/// Stops one server for the machine; `false` if it did not run.
async fn halt(post: &Post, why: &str, until: Instant) -> Result<bool, Refusal> {
    let gone = || Refusal::NoSuchServer {
        id: post.kept.spec.id,
    };
    let (reply, begun) = oneshot::channel();
    let command = Command::Halt(why.to_owned(), reply);
    post.inbox.send(command).await.map_err(|_| gone())?;
    match begun.await.map_err(|_| gone())?? {
        Begun::AlreadySo(_) => Ok(false),
        Begun::Done(_) => Ok(true),
        Begun::Underway(settles) => match timeout_at(until, settles).await {
            Ok(settled) => settled.map_err(|_| gone())?.map(|_| true),
            Err(_) => Err(Refusal::StillRuns),
        },
    }
}
