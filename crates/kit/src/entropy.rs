//! Chance as a value that is passed in: the operating system's, or a seeded one for tests.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;

/// Random bytes of one id.
const SHARE: usize = 10;
/// Ids per draw: asking the system for chance costs more than everything else about an id.
const PER_DRAW: usize = 128;

/// A source of random bytes. Cloning shares the source.
#[derive(Clone, Debug)]
pub struct Entropy {
    source: Source,
    for_ids: Arc<Mutex<Drawn>>,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    /// A keyed counter: repeatable, and of no use to anything but a test.
    Seeded {
        seed: u64,
        counter: Arc<AtomicU64>,
    },
}

impl Entropy {
    /// The operating system's generator, fit for keys.
    #[must_use]
    pub fn system() -> Self {
        Self::of(Source::System)
    }

    /// A repeatable generator for tests. Never fit for keys.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::of(Source::Seeded {
            seed,
            counter: Arc::default(),
        })
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            for_ids: Arc::default(),
        }
    }

    /// Fills `into` with random bytes.
    ///
    /// # Panics
    /// If the operating system cannot give random bytes: nothing may go on without them.
    #[expect(
        clippy::expect_used,
        reason = "a machine without entropy must not make keys, tokens or ids"
    )]
    pub fn fill(&self, into: &mut [u8]) {
        match &self.source {
            Source::System => getrandom::fill(into).expect("the operating system gives random bytes"),
            Source::Seeded { seed, counter } => {
                let turn = counter.fetch_add(1, Ordering::SeqCst);
                let mut hasher = blake3::Hasher::new();
                hasher.update(&seed.to_le_bytes()).update(&turn.to_le_bytes());
                hasher.finalize_xof().fill(into);
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// The random part of an id, drawn in bulk. For what must be unique and hard to guess, never for what
    /// opens something: bytes that wait in memory are not for keys.
    pub(crate) fn for_id(&self) -> [u8; SHARE] {
        let mut drawn = self.for_ids.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.next().unwrap_or_else(|| {
            self.fill(&mut drawn.bytes);
            drawn.used = 0;
            drawn.next().unwrap_or_default()
        })
    }

    /// 256 random bits as 43 characters that are safe in URLs, headers and cookies.
    #[must_use]
    pub fn token(&self) -> String {
        BASE64URL_NOPAD.encode(&self.bytes::<32>())
    }
}

/// Chance drawn ahead, and how much of it is used.
struct Drawn {
    bytes: [u8; SHARE * PER_DRAW],
    used: usize,
}

impl Drawn {
    fn next(&mut self) -> Option<[u8; SHARE]> {
        let share = self.bytes.get(self.used..)?.first_chunk().copied()?;
        self.used += SHARE;
        Some(share)
    }
}

impl Default for Drawn {
    fn default() -> Self {
        Self {
            bytes: [0; SHARE * PER_DRAW],
            used: SHARE * PER_DRAW,
        }
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawn").finish_non_exhaustive()
    }
}
