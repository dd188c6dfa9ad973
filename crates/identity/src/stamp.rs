//! Times in the form in which they are stored and compared: microseconds since the Unix epoch.

use std::time::Duration;

use time::OffsetDateTime;

/// The stored form as a time.
pub(crate) fn at(micros: i64) -> OffsetDateTime {
    let nanos = i128::from(micros) * 1_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A time in the stored form.
pub(crate) fn of(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// A number of seconds in the stored unit.
pub(crate) fn seconds(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}

/// A span in the stored unit; what does not fit is as long as can be.
pub(crate) fn span(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// Whole seconds from one stored time to a later one, rounded up; 0 if it has passed.
pub(crate) fn seconds_until(later: i64, now: i64) -> u64 {
    let left = u64::try_from(later.saturating_sub(now)).unwrap_or(0);
    left.div_ceil(1_000_000)
}
