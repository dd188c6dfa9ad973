//! Time as a value that is passed in: the system's, or one that a test turns by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// A source of wall-clock and monotonic time. Cloning shares the source.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System {
        started: Instant,
    },
    /// Microseconds since the Unix epoch, and where they started.
    Manual {
        now: Arc<AtomicI64>,
        started: i64,
    },
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    pub fn system() -> Self {
        Self(Source::System {
            started: Instant::now(),
        })
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: OffsetDateTime) -> Self {
        let started = micros(start);
        Self(Source::Manual {
            now: Arc::new(AtomicI64::new(started)),
            started,
        })
    }

    /// Now, in UTC, cut to whole microseconds.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System { .. } => from_micros(micros(OffsetDateTime::now_utc())),
            Source::Manual { now, .. } => from_micros(now.load(Ordering::SeqCst)),
        }
    }

    /// Now as microseconds since the Unix epoch, the form in which times are stored.
    #[must_use]
    pub fn now_micros(&self) -> i64 {
        micros(self.now())
    }

    /// Time since this clock was made; never goes backwards, whatever happens to the wall clock.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Manual { now, started } => {
                let passed = now.load(Ordering::SeqCst).saturating_sub(*started);
                Duration::from_micros(u64::try_from(passed).unwrap_or(0))
            }
        }
    }

    /// Moves a manual clock forward. The system clock is not ours to move: there it does nothing.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { now, .. } = &self.0 {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            now.fetch_add(by, Ordering::SeqCst);
        }
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
