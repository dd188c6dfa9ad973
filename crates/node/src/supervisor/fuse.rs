//! The crash-loop breaker: too many ends in too short a time, and a server stays down for a while. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use watchroom_model::Breaker;

/// What one server's breaker remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fuse {
    /// Recent ends, oldest first, never more than the breaker tolerates.
    ends: Vec<OffsetDateTime>,
    /// Until when it was last opened. Kept while the one try after it is on trial.
    open_until: Option<OffsetDateTime>,
}

impl Fuse {
    /// Notes an end at `at`; `Some` is when the breaker, opened by it, lets one more try through.
    pub(crate) fn note(&mut self, rule: &Breaker, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let interval = Duration::from_secs(u64::from(rule.interval_s));
        let is_on_trial = self.open_until.is_some_and(|until| at < until + interval);
        self.open_until = None;
        self.ends.retain(|end| *end <= at && at - *end < interval);
        self.ends.push(at);
        let tolerated = usize::try_from(rule.attempts).unwrap_or(usize::MAX);
        if is_on_trial || self.ends.len() > tolerated {
            self.ends.clear();
            self.open_until = Some(at + Duration::from_secs(u64::from(rule.delay_s)));
        }
        self.open_until
    }

    /// A person has looked at it: everything before is forgiven.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn at(second: u64) -> OffsetDateTime {
        START + Duration::from_secs(second)
    }

    #[test]
    fn one_more_try_after_the_delay_and_it_opens_again_at_once() {
        let rule = Breaker {
            attempts: 2,
            interval_s: 60,
            delay_s: 300,
        };
        let mut fuse = Fuse::default();
        assert_eq!(fuse.note(&rule, at(0)), None);
        assert_eq!(fuse.note(&rule, at(10)), None);
        assert_eq!(fuse.note(&rule, at(20)), Some(at(320)));
        assert_eq!(fuse.note(&rule, at(330)), Some(at(630)));
        assert_eq!(fuse.note(&rule, at(800)), None, "a try that lasted closes it");
    }

    #[test]
    fn a_person_who_starts_it_closes_it() {
        let rule = Breaker {
            attempts: 0,
            ..Breaker::default()
        };
        let mut fuse = Fuse::default();
        assert!(fuse.note(&rule, at(0)).is_some());
        fuse.reset();
        assert_eq!(fuse, Fuse::default());
    }

    proptest! {
        #[test]
        fn it_opens_exactly_when_more_ends_than_tolerated_fall_into_the_interval(
            gaps in proptest::collection::vec(0_u64..40, 1..40), attempts in 0_u32..6, interval_s in 1_u32..90, delay_s in 0_u32..400,
        ) {
            let rule = Breaker { attempts, interval_s, delay_s };
            let mut fuse = Fuse::default();
            let mut since_open: Vec<u64> = Vec::new();
            let mut opened: Option<u64> = None;
            let mut now = 0;
            for gap in gaps {
                now += gap;
                let is_on_trial = opened.is_some_and(|until| now < until + u64::from(interval_s));
                since_open.push(now);
                let recent = since_open.iter().filter(|end| now - **end < u64::from(interval_s)).count();
                let expected = is_on_trial || recent > attempts as usize;
                let verdict = fuse.note(&rule, at(now));
                prop_assert_eq!(verdict.is_some(), expected);
                prop_assert!(fuse.ends.len() <= attempts as usize);
                opened = expected.then(|| now + u64::from(delay_s));
                prop_assert_eq!(verdict, opened.map(at));
                if expected {
                    since_open.clear();
                }
            }
        }
    }
}
