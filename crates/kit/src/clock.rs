//! Time as a value that is passed in: the system's, or one that a test turns by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A source of wall-clock and monotonic time. Cloning shares the source.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System {
        started: Instant,
        /// The same, by the kernel's last tick.
        ticked: Duration,
    },
    /// Microseconds since the Unix epoch, and where they started.
    Manual { now: Arc<AtomicI64>, started: i64 },
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
            ticked: last_tick(),
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
    pub fn now(&self) -> OffsetDateTime {
        from_micros(self.now_micros())
    }

    /// Now as microseconds since the Unix epoch, the form in which times are stored. A machine that believes in
    /// a time before that gets the epoch.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    pub fn now_micros(&self) -> i64 {
        match &self.0 {
            Source::System { .. } => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, whole_micros),
            Source::Manual { now, .. } => now.load(Ordering::SeqCst),
        }
    }

    /// Time since this clock was made; never goes backwards, whatever happens to the wall clock.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { started, .. } => started.elapsed(),
            Source::Manual { now, started } => {
                let passed = now.load(Ordering::SeqCst).saturating_sub(*started);
                Duration::from_micros(u64::try_from(passed).unwrap_or(0))
            }
        }
    }

    /// The same as of the kernel's last tick, which is some milliseconds ago at most: for what is counted in seconds, and
    /// asked several times a request. It costs a fraction.
    #[must_use]
    pub fn elapsed_roughly(&self) -> Duration {
        match &self.0 {
            Source::System { ticked, .. } => last_tick().saturating_sub(*ticked),
            Source::Manual { .. } => self.elapsed(),
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

fn last_tick() -> Duration {
    let tick = clock_gettime(ClockId::MonotonicCoarse);
    // Neither is ever negative; nanoseconds are below a thousand million.
    let seconds = u64::try_from(tick.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(tick.tv_nsec).unwrap_or(0))
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// Without the 128-bit arithmetic of a conversion by nanoseconds: this is asked several times a request.
pub(crate) fn from_micros(micros: i64) -> OffsetDateTime {
    let since_second = u32::try_from(micros.rem_euclid(MICROS_PER_SECOND)).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(micros.div_euclid(MICROS_PER_SECOND))
        .and_then(|second| second.replace_microsecond(since_second))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn whole_micros(since_epoch: Duration) -> i64 {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    seconds
        .saturating_mul(MICROS_PER_SECOND)
        .saturating_add(i64::from(since_epoch.subsec_micros()))
}
