//! Exponential back-off with full jitter, so that a thousand clients do not come back in one instant.

use std::time::Duration;

use crate::Entropy;

/// Delays whose bound doubles from `first` to `most`; each is drawn evenly from nothing up to its bound.
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
        let share = f64::from(u32::from_le_bytes(self.entropy.bytes())) / f64::from(u32::MAX);
        step.mul_f64(share)
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
    fn delays_spread_over_a_bound_that_grows_and_start_anew_after_a_success() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(5));
        let entropy = Entropy::seeded(1);
        // A thousand clients lose their server at once.
        let clients: Vec<Vec<_>> = (0..1_000)
            .map(|_| {
                let mut backoff = Backoff::new(first, most, entropy.clone());
                (0..12).map(|_| backoff.next_delay()).collect()
            })
            .collect();
        let of = |attempt: usize| clients.iter().map(move |delays| delays[attempt]);
        assert!(of(0).all(|delay| delay <= first));
        assert!(of(11).all(|delay| delay <= most));
        // No tenth of the time has much more than its share of them.
        for tenth in 0..10u32 {
            let within = |delay: &Duration| *delay >= most / 10 * tenth && *delay < most / 10 * (tenth + 1);
            assert!((50..150).contains(&of(11).filter(within).count()));
        }
        let mut backoff = Backoff::new(first, most, entropy);
        for _ in 0..12 {
            backoff.next_delay();
        }
        backoff.reset();
        assert!(backoff.next_delay() <= first);
    }
}
