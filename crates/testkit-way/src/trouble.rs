//! What befalls bytes by chance on a bad way, and the count of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use watchroom_kit::Entropy;

/// What may happen to a piece of bytes, each by its own chance.
#[derive(Debug)]
pub struct Trouble {
    chance: Entropy,
    has_begun: AtomicBool,
    /// Of ten thousand pieces, so many stall their connection for a while.
    stalls: u16,
    /// The longest stall; each lasts from a tenth of it up to all of it.
    longest_stall: Duration,
    /// Of ten thousand pieces, so many have one bit flipped.
    flips: u16,
    /// Of ten thousand pieces, so many are lost with their connection.
    cuts: u16,
    /// The most that any other piece is late.
    latest: Duration,
    pieces: AtomicU64,
    stalled: AtomicU64,
    flipped: AtomicU64,
    cut: AtomicU64,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Pieces of bytes that came.
    pub pieces: u64,
    /// Of them, those that stalled.
    pub stalls: u64,
    /// Of them, those in which a bit was flipped.
    pub flips: u64,
    /// Of them, those that were lost with their connection.
    pub cuts: u64,
}

/// What befalls one piece.
pub(crate) enum Mishap {
    Stall(Duration),
    Cut,
    Late(Duration),
}

impl Trouble {
    /// One piece in a hundred stalls its connection once it has begun, for a tenth of this time up to all of it;
    /// nothing else happens. The same seed brings the same chances.
    #[must_use]
    pub fn of_stalls(seed: u64, longest_stall: Duration) -> Self {
        Self {
            chance: Entropy::seeded(seed),
            has_begun: AtomicBool::default(),
            stalls: 100,
            longest_stall,
            flips: 0,
            cuts: 0,
            latest: Duration::ZERO,
            pieces: AtomicU64::default(),
            stalled: AtomicU64::default(),
            flipped: AtomicU64::default(),
            cut: AtomicU64::default(),
        }
    }

    /// Of ten thousand pieces, so many have one bit flipped, and as many are lost with their connection.
    #[must_use]
    pub fn breaking(mut self, each: u16) -> Self {
        (self.flips, self.cuts) = (each, each);
        self
    }

    /// Every other piece is late too, by this much at most.
    #[must_use]
    pub fn late(mut self, latest: Duration) -> Self {
        self.latest = latest;
        self
    }

    /// Until then nothing befalls anything.
    pub fn begin(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
    }

    /// The count so far.
    #[must_use]
    pub fn met(&self) -> Met {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Met {
            pieces: of(&self.pieces),
            stalls: of(&self.stalled),
            flips: of(&self.flipped),
            cuts: of(&self.cut),
        }
    }

    /// Decides what becomes of a piece. A bit is flipped at once.
    pub(crate) fn befalls(&self, piece: &mut [u8]) -> Option<Mishap> {
        if !self.has_begun.load(Ordering::SeqCst) {
            return None;
        }
        let count = |what: &AtomicU64| what.fetch_add(1, Ordering::Relaxed);
        count(&self.pieces);
        let [a, b, c, d, e, f] = self.chance.bytes::<6>();
        let drawn = u32::from(u16::from_be_bytes([a, b])) * 10_000 / (u32::from(u16::MAX) + 1);
        let share = u32::from(u16::from_be_bytes([c, d]));
        let (stalls, flips, cuts) = (
            u32::from(self.stalls),
            u32::from(self.flips),
            u32::from(self.cuts),
        );
        if drawn < stalls {
            count(&self.stalled);
            let tenths = self.longest_stall / 10;
            return Some(Mishap::Stall(tenths + tenths * 9 * share / u32::from(u16::MAX)));
        }
        if drawn < stalls + flips {
            count(&self.flipped);
            let place = usize::from(u16::from_be_bytes([e, f])) % piece.len().max(1);
            if let Some(byte) = piece.get_mut(place) {
                *byte ^= 1 << (share % 8);
            }
            return None;
        }
        if drawn < stalls + flips + cuts {
            count(&self.cut);
            return Some(Mishap::Cut);
        }
        let late = self.latest * share / u32::from(u16::MAX);
        (!late.is_zero()).then_some(Mishap::Late(late))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_what_was_asked_for() {
        let trouble = Trouble::of_stalls(1, Duration::from_secs(10)).breaking(100);
        assert!((0..1_000).all(|_| trouble.befalls(&mut [0]).is_none()));
        assert_eq!(trouble.met(), Met::default());
        trouble.begin();
        let (mut stalls, mut cuts, mut flips) = (0, 0, 0);
        for _ in 0..10_000 {
            let mut piece = [0; 64];
            match trouble.befalls(&mut piece) {
                Some(Mishap::Stall(long)) => {
                    assert!((Duration::from_secs(1)..=Duration::from_secs(10)).contains(&long));
                    stalls += 1;
                }
                Some(Mishap::Cut) => cuts += 1,
                Some(Mishap::Late(_)) => panic!("nothing is late here"),
                None => flips += piece.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>(),
            }
        }
        let met = Met {
            pieces: 10_000,
            stalls,
            flips,
            cuts,
        };
        assert_eq!(trouble.met(), met);
        for many in [stalls, flips, cuts] {
            assert!((50..200).contains(&many), "{met:?}");
        }
    }
}
