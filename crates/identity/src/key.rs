//! The key that all replicas of a Host share, and what is derived from it.

use std::fmt;

use watchroom_kit::Entropy;

/// A secret that every replica has and no database: what is derived from it means the same on all of them, and
/// after a restart.
#[derive(Clone)]
pub struct SharedKey([u8; 32]);

impl SharedKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key that nobody else has: for a Host without replicas whose restart may forget.
    #[must_use]
    pub fn by_chance(entropy: &Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// A key for one purpose, which tells nothing of those for others.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("watchroom identity 2026 keys by purpose");
        hasher.update(&self.0).update(purpose.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(..)")
    }
}
