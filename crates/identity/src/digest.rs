//! Digests of secrets: what is stored and looked up instead of cookies, tokens and codes.
//!
//! Those secrets carry at least 128 random bits each, so a fast hash without salt is enough; passwords,
//! which do not, go through [`crate::hashing`].

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::HEXLOWER;

/// The BLAKE3 hash of a secret. Comparing takes the same time wherever the first difference is.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

/// Any eight bytes of a digest tell it apart as well as all of them would in a table.
impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl Digest {
    pub(crate) fn of(secret: &str) -> Self {
        Self(*blake3::hash(secret.as_bytes()).as_bytes())
    }

    /// The stored form back.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        // Asked for each request with a token: not byte by byte.
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// The stored form: 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}
