//! Exponential back-off with full jitter, so that a thousand clients do not come back in one instant.

use std::time::Duration;

use crate::Entropy;

/// Delays that double from `first` to `most`, each drawn evenly between half and the whole of its step.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    attempt: u32,
    entropy: Entropy,
}

impl Backoff {
    /// Starts at `first` and never waits longer than `most`.
    #[must_use]
    pub fn new(first: Duration, most: Duration, entropy: Entropy) -> Self {
        Self {
            first,
            most,
            attempt: 0,
            entropy,
        }
    }

    /// The next delay to wait.
    pub fn next_delay(&mut self) -> Duration {
        let step = self
            .first
            .saturating_mul(1 << self.attempt.min(20))
            .min(self.most);
        self.attempt = self.attempt.saturating_add(1);
        let half = step / 2;
        let share = f64::from(u32::from_le_bytes(self.entropy.bytes())) / f64::from(u32::MAX);
        half + half.mul_f64(share)
    }

    /// Forgets past failures after a success.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_stay_within_bounds_and_start_anew_after_a_success() {
        let mut backoff = Backoff::new(
            Duration::from_millis(100),
            Duration::from_secs(5),
            Entropy::seeded(1),
        );
        let delays: Vec<_> = (0..12).map(|_| backoff.next_delay()).collect();
        assert!(delays[0] >= Duration::from_millis(50) && delays[0] <= Duration::from_millis(100));
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(5)));
        assert!(delays[11] >= Duration::from_millis(2_500));
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(100));
    }
}
