//! Tables whose keys bring their hash along.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds hashers that take what a key says of itself, for keys whose [`Hash`](std::hash::Hash) writes one `u64` and
/// nothing else. That must be a number which nobody outside can choose: part of a digest, or a hash made with a secret.
pub type HashedAlready = BuildHasherDefault<GivenHash>;

/// Takes the hash that a key has already.
#[derive(Debug, Default)]
pub struct GivenHash(u64);

impl Hasher for GivenHash {
    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "the key of this table has no hash of its own");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
