//! One sliding window of one key, as a ring of slots.

use super::{Standing, Window};

/// Slots of a ring. One more than the parts of the window, since the newest slot is only partly over.
pub(super) const SLOTS: usize = 16;

/// Length of one slot of a window, in milliseconds.
pub(super) fn slot_ms(window: Window) -> u64 {
    (u64::from(window.per_s) * 1_000)
        .div_ceil(SLOTS as u64 - 1)
        .max(1)
}

#[derive(Clone, Debug)]
pub(super) struct Ring {
    window: Window,
    slot_ms: u64,
    /// The number of the newest slot since the clock began.
    newest: u64,
    counts: [u32; SLOTS],
    total: u32,
}

impl Ring {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            slot_ms: slot_ms(window),
            newest: 0,
            counts: [0; SLOTS],
            total: 0,
        }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    pub(super) fn remaining(&self) -> u32 {
        self.window.limit.saturating_sub(self.total)
    }

    pub(super) fn standing(&self, now_ms: u64) -> Standing {
        Standing {
            window: self.window,
            remaining: self.remaining(),
            reset_ms: self.reset_ms(now_ms),
        }
    }

    /// Forgets what has left the window.
    pub(super) fn advance(&mut self, now_ms: u64) {
        let slot = now_ms / self.slot_ms;
        let passed = slot.saturating_sub(self.newest).min(SLOTS as u64);
        for step in 0..passed {
            // Slots are cleared as the ring reaches them, the newest last.
            let count = self.slot_mut(slot - step);
            let gone = std::mem::take(count);
            self.total -= gone;
        }
        self.newest = self.newest.max(slot);
    }

    pub(super) fn count(&mut self) {
        *self.slot_mut(self.newest) += 1;
        self.total += 1;
    }

    pub(super) fn give_back(&mut self) {
        for back in 0..SLOTS as u64 {
            let Some(slot) = self.newest.checked_sub(back) else {
                return;
            };
            let count = self.slot_mut(slot);
            if *count > 0 {
                *count -= 1;
                self.total -= 1;
                return;
            }
        }
    }

    /// Milliseconds until the oldest that is counted is forgotten; the whole window if nothing is counted.
    fn reset_ms(&self, now_ms: u64) -> u64 {
        let oldest = (0..SLOTS as u64)
            .rev()
            .filter_map(|back| self.newest.checked_sub(back));
        let oldest = oldest.into_iter().find(|slot| self.slot(*slot) > 0);
        match oldest {
            Some(slot) => ((slot + SLOTS as u64) * self.slot_ms).saturating_sub(now_ms),
            None => u64::from(self.window.per_s) * 1_000,
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder by the length is below the length"
    )]
    fn slot(&self, slot: u64) -> u32 {
        self.counts[usize::try_from(slot % SLOTS as u64).unwrap_or(0)]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder by the length is below the length"
    )]
    fn slot_mut(&mut self, slot: u64) -> &mut u32 {
        &mut self.counts[usize::try_from(slot % SLOTS as u64).unwrap_or(0)]
    }
}
