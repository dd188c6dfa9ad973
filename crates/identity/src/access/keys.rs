//! The keys that sign access tokens: of the ring, where each takes the place of the one before, or of a file.
//!
//! A token names its key, and a key that was replaced still opens what it signed until that is over. A new one signs a
//! minute after it was made: by then every Host knows it.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sea_orm::EntityTrait;
use watchroom_kit::ExposeSecret;
use watchroom_kit::files::read_secret;
use watchroom_store::StoreError;

use crate::config::JwtRules;
use crate::entity::sealing_key;
use crate::factors::keys_in_order;
use crate::key::SharedKey;
use crate::{Identity, stamp};

/// Least bytes of a key (RFC 7518, 3.2).
const LEAST: usize = 32;
/// Least different bytes in a key: one by chance has twice as many.
const LEAST_DIFFERENT: usize = 8;
/// What stands in keys that examples show, in small letters.
const WELL_KNOWN: &[&str] = &[
    "secret",
    "password",
    "changeme",
    "change-me",
    "change_me",
    "example",
    "watchroom",
    "12345678",
    "abcdefgh",
    "qwertyui",
    // The key of RFC 7515, A.1.
    "aym1sysppbydfgzld3umj1qzkobwvmko",
];
/// How to mend a key that will not do.
const MEND: &str = "make one with: (umask 077; head -c 32 /dev/urandom | base64 > FILE)";
/// How long every Host knows a key before it signs, in microseconds.
const SPREAD: i64 = 60_000_000;

/// One key.
#[derive(Debug)]
pub(super) struct AccessKey {
    /// The first part of every token that it signs: no other is believed.
    pub(super) header: String,
    key: Key,
    signs_from: i64,
    opens_until: i64,
}

impl AccessKey {
    fn new(id: &str, bytes: &[u8], signs_from: i64, opens_until: i64) -> Self {
        let header = format!("{{\"alg\":\"HS256\",\"kid\":\"{id}\",\"typ\":\"JWT\"}}");
        Self {
            header: BASE64URL_NOPAD.encode(header.as_bytes()),
            key: Key::new(HMAC_SHA256, bytes),
            signs_from,
            opens_until,
        }
    }

    pub(super) fn sign(&self, text: &str) -> hmac::Tag {
        hmac::sign(&self.key, text.as_bytes())
    }

    /// Compares in constant time.
    pub(super) fn has_signed(&self, text: &str, tag: &[u8]) -> bool {
        hmac::verify(&self.key, text.as_bytes(), tag).is_ok()
    }
}

/// All keys that sign or signed.
#[derive(Debug)]
pub(crate) struct AccessKeys {
    source: Source,
    /// The oldest first.
    keys: RwLock<Vec<Arc<AccessKey>>>,
}

#[derive(Debug)]
enum Source {
    Files,
    Ring { shared: SharedKey, access_s: u32 },
}

impl AccessKeys {
    /// The keys that the configuration names, or else those of the ring, once they are read.
    pub(crate) fn open(rules: &JwtRules, shared: &SharedKey) -> Result<Self, String> {
        let Some(file) = &rules.key_file else {
            let source = Source::Ring {
                shared: shared.clone(),
                access_s: rules.access_s,
            };
            return Ok(Self {
                source,
                keys: RwLock::default(),
            });
        };
        let of_file = |path: &Path, signs_from| {
            let bytes = read_key(path).map_err(|why| format!("{}: {why}", path.display()))?;
            // The name tells nothing of the key.
            let digest = blake3::derive_key("watchroom identity 2026 names of access keys", &bytes);
            let id = digest
                .get(..8)
                .map(|short| HEXLOWER.encode(short))
                .unwrap_or_default();
            Ok::<_, String>(Arc::new(AccessKey::new(&id, &bytes, signs_from, i64::MAX)))
        };
        let previous = rules.previous_key_file.iter();
        let mut keys = previous
            .map(|path| of_file(path, i64::MIN))
            .collect::<Result<Vec<_>, _>>()?;
        keys.push(of_file(file, i64::MIN)?);
        Ok(Self {
            source: Source::Files,
            keys: RwLock::new(keys),
        })
    }

    /// Takes the keys of the ring, in the order in which they were made.
    fn take(&self, ring: &[(String, i64)]) {
        let Source::Ring { shared, access_s } = &self.source else {
            return;
        };
        let next = ring.iter().skip(1).map(|(_, made_at)| Some(made_at + SPREAD));
        let keys = ring.iter().zip(next.chain([None]));
        let keys = keys.map(|((name, made_at), replaced_at)| {
            let bytes = shared.derive(&format!("access tokens under {name}"));
            let opens_until = replaced_at.map_or(i64::MAX, |at| at + stamp::seconds(*access_s));
            let signs_from = if *made_at == 0 { i64::MIN } else { made_at + SPREAD };
            Arc::new(AccessKey::new(name, &bytes, signs_from, opens_until))
        });
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.collect();
    }

    /// The key that signs now.
    pub(super) fn signing(&self, now: i64) -> Option<Arc<AccessKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().rev().find(|key| key.signs_from <= now).cloned()
    }

    /// The key whose tokens begin with this header, while it opens them.
    pub(super) fn of_header(&self, header: &str, now: i64) -> Option<Arc<AccessKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let found = keys.iter().find(|key| key.header == header)?;
        (now < found.opens_until).then(|| Arc::clone(found))
    }
}

impl Identity {
    /// Reads the key ring, in which another Host may have made a key.
    pub(crate) async fn reread_access_keys(&self) -> Result<(), StoreError> {
        let rows = self.inner.store.read().await?;
        let rows = rows.all(sealing_key::Entity::find()).await?;
        self.inner.access_keys.take(&keys_in_order(&rows));
        Ok(())
    }
}

/// The key that a file holds.
///
/// # Errors
/// Why it will not do, with the next step.
pub(crate) fn read_key(path: &Path) -> Result<Vec<u8>, String> {
    let text = read_secret(path)?;
    let text = text.expose_secret();
    if text.len() < LEAST {
        return Err(format!(
            "has {} bytes, and a key for HS256 needs at least {LEAST}; {MEND}",
            text.len()
        ));
    }
    if is_guessable(text) {
        return Err(format!("is well-known or easily guessed; {MEND}"));
    }
    Ok(text.as_bytes().to_vec())
}

/// Whether somebody may have written it, and not chance.
fn is_guessable(text: &str) -> bool {
    let small = text.to_ascii_lowercase();
    let different: std::collections::BTreeSet<u8> = text.bytes().collect();
    let bytes = text.as_bytes();
    let repeats = (1..=bytes.len() / 2).any(|period| {
        let later = bytes.iter().skip(period);
        bytes.iter().zip(later).all(|(one, other)| one == other)
    });
    different.len() < LEAST_DIFFERENT || repeats || WELL_KNOWN.iter().any(|known| small.contains(known))
}

#[cfg(test)]
mod tests {
    use watchroom_kit::Entropy;

    use super::*;

    fn ring(access_s: u32) -> AccessKeys {
        let rules = JwtRules {
            access_s,
            ..JwtRules::default()
        };
        AccessKeys::open(&rules, &SharedKey::new([7; 32])).unwrap()
    }

    #[test]
    fn a_new_key_signs_a_minute_later_and_the_old_one_opens_until_what_it_signed_is_over() {
        let keys = ring(900);
        let minute = 60_000_000;
        keys.take(&[("first".into(), 0)]);
        let first = keys.signing(0).unwrap().header.clone();
        let made_at = 100 * minute;
        keys.take(&[("first".into(), 0), ("next".into(), made_at)]);
        assert_eq!(keys.signing(made_at).unwrap().header, first);
        let next = keys.signing(made_at + minute).unwrap().header.clone();
        assert_ne!(next, first);
        assert!(
            keys.of_header(&next, made_at).is_some(),
            "another Host may sign with it"
        );
        assert!(keys.of_header(&first, made_at + 16 * minute - 1).is_some());
        assert!(keys.of_header(&first, made_at + 16 * minute).is_none());
        assert!(keys.of_header(&next, i64::MAX - 1).is_some());
        assert!(keys.of_header("", 0).is_none());
    }

    #[test]
    fn keys_of_examples_are_guessable_and_those_of_chance_are_not() {
        for known in [
            "your-256-bit-secret-your-256-bit",
            "a-string-secret-at-least-256-bits-long",
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            "0123456789abcdef0123456789abcdef",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "xK9#xK9#xK9#xK9#xK9#xK9#xK9#xK9#xK9#",
            "ChangeMeChangeMeChangeMeChangeMe",
        ] {
            assert!(is_guessable(known), "{known}");
        }
        for seed in 0..200 {
            let entropy = Entropy::seeded(seed);
            assert!(!is_guessable(&entropy.token()));
            assert!(!is_guessable(&HEXLOWER.encode(&entropy.bytes::<32>())));
        }
    }
}
