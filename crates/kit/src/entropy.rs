//! Chance as a value that is passed in: the operating system's, or a seeded one for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64URL_NOPAD;

/// A source of random bytes. Cloning shares the source.
#[derive(Clone, Debug)]
pub struct Entropy(Source);

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
        Self(Source::System)
    }

    /// A repeatable generator for tests. Never fit for keys.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded {
            seed,
            counter: Arc::default(),
        })
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
        match &self.0 {
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

    /// 256 random bits as 43 characters that are safe in URLs, headers and cookies.
    #[must_use]
    pub fn token(&self) -> String {
        BASE64URL_NOPAD.encode(&self.bytes::<32>())
    }
}
