//! How fast something may go on: some of it at once, then one in each stretch of time.

use std::time::Duration;

/// A steady pace with a store of turns for whoever was slower before (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Debug)]
pub struct Pace {
    every: Duration,
    ahead: Duration,
    /// When a steady pace would have used all turns that were taken.
    due: Duration,
}

impl Pace {
    /// One turn in each `every`, and so many at once after a rest.
    #[must_use]
    pub fn new(every: Duration, at_once: u32) -> Self {
        Self {
            every,
            ahead: every.saturating_mul(at_once.saturating_sub(1)),
            due: Duration::ZERO,
        }
    }

    /// Takes a turn, at this reading of the clock.
    ///
    /// # Errors
    /// How long to wait for the next; then none was taken.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        match self.due.checked_sub(now.saturating_add(self.ahead)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.due = self.due.max(now).saturating_add(self.every);
                Ok(())
            }
        }
    }

    /// Whether it holds no more than a fresh one would.
    #[must_use]
    pub fn has_rested(&self, now: Duration) -> bool {
        self.due <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_go_at_once_and_the_others_one_by_one() {
        let at = Duration::from_millis;
        let mut pace = Pace::new(at(1_000), 3);
        for _ in 0..3 {
            assert_eq!(pace.take(at(5_000)), Ok(()));
        }
        assert_eq!(pace.take(at(5_000)), Err(at(1_000)));
        assert_eq!(pace.take(at(5_999)), Err(at(1)));
        assert_eq!(pace.take(at(6_000)), Ok(()));
        assert_eq!(pace.take(at(6_000)), Err(at(1_000)));
        assert!(!pace.has_rested(at(8_999)) && pace.has_rested(at(9_000)));
        for _ in 0..3 {
            assert_eq!(pace.take(at(60_000)), Ok(()));
        }
        assert!(pace.take(at(60_000)).is_err());
    }
}
