//! A point in time as a page shows it: exact UTC always there, an age or a local time where that reads better.

use std::fmt;

use askama::filters::HtmlSafe;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::text::EN;

const MACHINE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const EXACT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] UTC");
const FULL: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

/// How a moment is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording {
    /// `2026-11-20 17:58 UTC`; scripts put the person's zone.
    Full,
    /// `17:58:09`; scripts put the person's zone.
    Clock,
    /// `12 s ago`; scripts let it grow.
    Age,
    /// The room's clock in the bar; scripts let it tick.
    Ticking,
}

/// A `<time>` element with the exact UTC as its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    at: OffsetDateTime,
    now: OffsetDateTime,
    wording: Wording,
}

impl Moment {
    /// Date and time.
    pub(crate) fn full(at: OffsetDateTime) -> Self {
        Self {
            at,
            now: at,
            wording: Wording::Full,
        }
    }

    /// Time of day.
    pub(crate) fn clock(at: OffsetDateTime) -> Self {
        Self {
            at,
            now: at,
            wording: Wording::Clock,
        }
    }

    /// How long ago, seen from `now`.
    pub(crate) fn age(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self {
            at,
            now,
            wording: Wording::Age,
        }
    }

    /// The clock of the room.
    pub(crate) fn ticking(now: OffsetDateTime) -> Self {
        Self {
            at: now,
            now,
            wording: Wording::Ticking,
        }
    }

    fn words(&self) -> String {
        let formatted = |form: &[BorrowedFormatItem<'_>]| self.at.format(form).unwrap_or_default();
        match self.wording {
            Wording::Full => formatted(FULL),
            Wording::Clock => formatted(CLOCK),
            Wording::Ticking => format!("{} UTC", formatted(CLOCK)),
            Wording::Age => age((self.now - self.at).whole_seconds()),
        }
    }
}

fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => EN.ago_seconds(seconds),
        seconds @ 60..3_600 => EN.ago_minutes(seconds / 60),
        seconds @ 3_600..86_400 => EN.ago_hours(seconds / 3_600),
        seconds => EN.ago_days(seconds / 86_400),
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.at.format(MACHINE).unwrap_or_default();
        let exact = self.at.format(EXACT).unwrap_or_default();
        let kind = match self.wording {
            Wording::Full => "data-time=\"full\"",
            Wording::Clock => "data-time=\"clock\"",
            Wording::Age => "data-time=\"age\"",
            Wording::Ticking => "data-clock",
        };
        write!(
            f,
            "<time datetime=\"{machine}\" title=\"{exact}\" {kind}>{}</time>",
            self.words()
        )
    }
}

/// Made of digits and our own words alone.
impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_age_keeps_the_exact_time_beside_it() {
        let shown = Moment::age(
            datetime!(2026-11-20 17:58:09.25 UTC),
            datetime!(2026-11-20 18:01:00 UTC),
        )
        .to_string();
        insta::assert_snapshot!(shown, @r#"<time datetime="2026-11-20T17:58:09.250Z" title="2026-11-20 17:58:09.250 UTC" data-time="age">2 min ago</time>"#);
    }

    #[test]
    fn a_clock_that_runs_ahead_never_shows_a_negative_age() {
        assert_eq!(age(-5), "0 s ago");
        assert_eq!(age(200_000), "2 d ago");
    }
}
