//! What a server is doing just now, and what a keeper waits for meanwhile.

use std::future::pending;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use watchroom_model::ServerStatus;

use super::super::standing::Rest;
use super::super::tether::Tether;
use super::{Command, Settled};
use crate::shim::{Ended, Running};

/// What a server is doing.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing.
    Down,
    /// It is started again then.
    Waiting {
        /// When.
        until: Instant,
    },
    /// It runs.
    Up(Tether),
    /// It was told to end.
    Stopping(Stopping),
    /// Its shim lives but cannot be spoken to.
    Estranged {
        /// When to try again.
        until: Instant,
        /// What stands in the way.
        why: String,
    },
}

/// A server that was told to end.
#[derive(Debug)]
pub(super) struct Stopping {
    /// Its shim.
    pub tether: Tether,
    /// When to press harder.
    pub until: Instant,
    /// How hard it was pressed.
    pub pressure: Pressure,
    /// What follows.
    pub then: Then,
    /// Who waits for it.
    pub waiters: Vec<oneshot::Sender<Settled>>,
}

/// How hard a server was pressed to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// Asked by a console line.
    Line,
    /// Asked by a signal.
    Signal,
    /// Killed.
    Kill,
}

/// What follows when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It stays down.
    Rest,
    /// It is started anew.
    StartAnew,
    /// It is forgotten.
    Leave,
}

/// What a keeper reacts to.
#[derive(Debug)]
pub(super) enum Event {
    /// Nobody can command it any more.
    LetGo,
    /// An order.
    Command(Command),
    /// The run is over; `None` if its shim went away without a word.
    Ended(Option<Ended>),
    /// A wait is over.
    Due,
}

impl Phase {
    /// Waits for the next thing to react to.
    pub(super) async fn next(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Event {
        let (until, tether) = match self {
            Self::Down => (None, None),
            Self::Waiting { until } | Self::Estranged { until, .. } => (Some(*until), None),
            Self::Up(tether) => (None, Some(tether)),
            Self::Stopping(stopping) => (Some(stopping.until), Some(&mut stopping.tether)),
        };
        let due = async move {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        let ended = async move {
            match tether {
                Some(tether) => tether.ended().await,
                None => pending().await,
            }
        };
        tokio::select! {
            // An end that is known comes before orders, so that none is carried out on what is gone.
            biased;
            ended = ended => Event::Ended(ended),
            command = inbox.recv() => command.map_or(Event::LetGo, Event::Command),
            () = due => Event::Due,
        }
    }

    /// The shim, while there is one.
    pub(super) fn tether(&mut self) -> Option<&mut Tether> {
        match self {
            Self::Up(tether) => Some(tether),
            Self::Stopping(stopping) => Some(&mut stopping.tether),
            Self::Down | Self::Waiting { .. } | Self::Estranged { .. } => None,
        }
    }

    /// What runs.
    pub(super) fn running(&self) -> Option<&Running> {
        match self {
            Self::Up(tether) => Some(tether.running()),
            Self::Stopping(stopping) => Some(stopping.tether.running()),
            Self::Down | Self::Waiting { .. } | Self::Estranged { .. } => None,
        }
    }

    /// As reports say it.
    pub(super) fn status(&self, rest: Rest) -> ServerStatus {
        match (self, rest) {
            (Self::Up(_), _) => ServerStatus::Running,
            (Self::Stopping(_), _) => ServerStatus::Stopping,
            (Self::Estranged { .. }, _) => ServerStatus::Unknown,
            (_, Rest::Open { .. }) => ServerStatus::CrashLoop,
            (Self::Waiting { .. }, _) | (Self::Down, Rest::Retry) => ServerStatus::Starting,
            (Self::Down, Rest::Stopped) => ServerStatus::Stopped,
            (Self::Down, Rest::Failed) => ServerStatus::Failed,
        }
    }
}
