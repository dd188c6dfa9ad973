//! An authenticator as people carry it: it keeps a seed and shows codes by time (RFC 6238).

use data_encoding::BASE32_NOPAD;
use time::OffsetDateTime;
use totp_rs::{Builder, Secret};

/// One device with one seed.
#[derive(Clone, Debug)]
pub struct Authenticator(String);

impl Authenticator {
    /// Keeps the seed that a page or an answer shows, in base32; spaces between its letters are nothing.
    #[must_use]
    pub fn with(seed: &str) -> Self {
        Self(seed.chars().filter(|letter| !letter.is_whitespace()).collect())
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> &str {
        &self.0
    }

    /// The code at a time.
    ///
    /// # Panics
    /// If the seed is none.
    #[must_use]
    pub fn code(&self, at: OffsetDateTime) -> String {
        let seed = BASE32_NOPAD.decode(self.0.as_bytes()).expect("a seed in base32");
        let seed: [u8; 20] = seed.try_into().expect("a seed of 160 bits");
        let totp = Builder::new()
            .with_secret(Secret::new_stack(seed))
            .build_noncompliant();
        let at = u64::try_from(at.unix_timestamp()).expect("a time after 1970");
        totp.generate(at).to_string()
    }
}
