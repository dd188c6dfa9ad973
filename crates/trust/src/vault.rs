//! What must be read back and is nobody's password, as it may lie in a database: seeds of one-time codes, secrets of
//! other services.
//!
//! Each text is sealed by AES-256-GCM (NIST SP 800-38D) with a nonce by chance, under a key of the ring, and bound to the
//! table, row and column where it lies: copied elsewhere it does not open. The ring's keys are derived (HKDF-SHA256,
//! RFC 5869) from the cluster's secret, which is in no database, and from their names, which a sealed text tells. So all
//! replicas have the same ring, a text sealed under an earlier key opens until it is sealed anew, and a copy of the
//! database opens nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use data_encoding::BASE64URL_NOPAD;
use watchroom_kit::{Entropy, ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::ClusterSecret;

/// Stands before the name of a key in what it is derived from.
const KEY_CONTEXT: &[u8] = b"watchroom vault key 1\n";
/// Stands before the place in what a sealed text is bound to.
const PLACE_CONTEXT: &[u8] = b"watchroom vault text 1\n";
/// Stands between the name of the key and what it sealed; no name holds it.
const BETWEEN: char = '.';

/// Where a sealed text lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

/// Why a text was not sealed or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The library refused, which it does only when it is broken, or the key's name will not do.
    #[error("a secret could not be sealed")]
    Unsealed,
    /// It is sealed under another cluster's secret, was changed, or lay elsewhere.
    #[error(
        "a sealed secret does not open here: it was changed, moved, or sealed with another cluster's secret"
    )]
    Foreign,
}

/// Seals and opens with the keys of one cluster.
#[derive(Clone, Debug)]
pub struct Vault {
    secret: ClusterSecret,
    entropy: Entropy,
}

impl Vault {
    /// The vault of a cluster.
    #[must_use]
    pub fn new(secret: ClusterSecret, entropy: Entropy) -> Self {
        Self { secret, entropy }
    }

    /// Seals a text under the key of this name (letters, digits and `-`).
    ///
    /// # Errors
    /// [`VaultError::Unsealed`].
    pub fn seal(&self, key: &str, place: Place<'_>, text: &SecretString) -> Result<String, VaultError> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if key.is_empty() || !key.bytes().all(is_name) {
            return Err(VaultError::Unsealed);
        }
        let nonce = self.entropy.bytes::<NONCE_LEN>();
        let mut content = Zeroizing::new(text.expose_secret().as_bytes().to_vec());
        let cipher = self.cipher(key).ok_or(VaultError::Unsealed)?;
        let tag = cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                bound_to(key, place),
                &mut content,
            )
            .map_err(|_| VaultError::Unsealed)?;
        let sealed = [&nonce[..], &content, tag.as_ref()].concat();
        Ok(format!("{key}{BETWEEN}{}", BASE64URL_NOPAD.encode(&sealed)))
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`VaultError::Foreign`].
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString, VaultError> {
        self.opened(place, sealed).ok_or(VaultError::Foreign)
    }

    fn opened(&self, place: Place<'_>, sealed: &str) -> Option<SecretString> {
        let (key, encoded) = sealed.split_once(BETWEEN)?;
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
        let (nonce, content) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = Zeroizing::new(content.to_vec());
        let text = self
            .cipher(key)?
            .open_in_place(nonce, bound_to(key, place), &mut content)
            .ok()?;
        std::str::from_utf8(text).ok().map(SecretString::from)
    }

    fn cipher(&self, key: &str) -> Option<LessSafeKey> {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(self.secret.bytes());
        let info = [KEY_CONTEXT, key.as_bytes()];
        let derived = extracted.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

/// Each part with its length, so that no two places are bound to the same bytes.
fn bound_to(key: &str, place: Place<'_>) -> Aad<Vec<u8>> {
    let mut bound = PLACE_CONTEXT.to_vec();
    for part in [key, place.table, place.row, place.column] {
        bound.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend(part.as_bytes());
    }
    Aad::from(bound)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> = Place {
        table: "totp_factors",
        row: "1",
        column: "seed",
    };

    fn vault(seed: u64) -> Vault {
        let entropy = Entropy::seeded(seed);
        Vault::new(ClusterSecret::by_chance(&entropy), entropy)
    }

    #[test]
    fn replicas_with_one_secret_open_each_others_texts_and_nobody_else_does() {
        let secret = ClusterSecret::by_chance(&Entropy::system());
        let (one, other) = (
            Vault::new(secret.clone(), Entropy::system()),
            Vault::new(secret, Entropy::system()),
        );
        let sealed = one.seal("first", PLACE, &"a seed".into()).unwrap();
        assert_eq!(other.open(PLACE, &sealed).unwrap().expose_secret(), "a seed");
        assert_eq!(vault(9).open(PLACE, &sealed).unwrap_err(), VaultError::Foreign);
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same_way_twice() {
        let vault = vault(1);
        let sealed = || vault.seal("first", PLACE, &"a seed".into()).unwrap();
        assert_ne!(sealed(), sealed());
    }

    proptest! {
        #[test]
        fn a_text_opens_at_its_place_alone(
            text in "\\PC{0,80}",
            places in prop::collection::vec(("[a-c_]{0,3}", "[a-c_]{0,3}", "[a-c_]{0,3}"), 2),
            key in "[a-z0-9-]{1,8}",
        ) {
            let vault = vault(2);
            let place = |at: usize| Place { table: &places[at].0, row: &places[at].1, column: &places[at].2 };
            let sealed = vault.seal(&key, place(0), &text.as_str().into()).unwrap();
            prop_assert!(text.len() < 4 || !sealed.contains(&text));
            let opened = vault.open(place(0), &sealed).unwrap();
            prop_assert_eq!(opened.expose_secret(), &text);
            prop_assert_eq!(vault.open(place(1), &sealed).is_ok(), place(0) == place(1));
        }

        #[test]
        fn what_was_changed_does_not_open(at in 0_usize..200, to in "[A-Za-z0-9_.-]", cut in 0_usize..60) {
            let vault = vault(3);
            let sealed = vault.seal("first", PLACE, &"the seed of somebody's codes".into()).unwrap();
            let at = at % sealed.len();
            let mut bent = sealed.clone();
            bent.replace_range(at..=at, &to);
            prop_assert_eq!(vault.open(PLACE, &bent).is_ok(), bent == sealed);
            prop_assert!(vault.open(PLACE, &sealed[..cut]).is_err());
        }

        #[test]
        fn nothing_that_is_no_sealed_text_opens_or_breaks(text in "\\PC{0,120}") {
            prop_assert!(vault(4).open(PLACE, &text).is_err());
        }
    }

    #[test]
    fn a_name_that_would_be_read_otherwise_seals_nothing() {
        for name in ["", "a.b", "a b", "ä"] {
            assert!(vault(5).seal(name, PLACE, &"x".into()).is_err(), "{name}");
        }
    }
}
