//! Six words by which two people see that nobody stands between their machines.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Fingerprint;

/// Our own list: 2,048 plain English words of four to eight letters, one a line, in order. No two differ by
/// one letter or sound alike, so that they survive a bad telephone line.
const LIST: &str = include_str!("words.txt");
/// How many words there are, as a power of two.
const BITS: usize = 11;
/// How many words are shown: 66 bits.
const SHOWN: usize = 6;
/// How often the hash is taken. Somebody between the two machines has to look for nonces that give the same
/// words on both sides; this makes each try 16,384 times as dear (80 bits of work) and costs us milliseconds.
const ROUNDS: usize = 1 << 14;

/// Six words, the same on both sides if both saw the same CA, the same node's key and the same nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SixWords([&'static str; SHOWN]);

impl SixWords {
    /// The words of a request: by the fingerprint of the Host's CA, the node's public key
    /// (SubjectPublicKeyInfo in DER) and what each side drew by chance.
    #[must_use]
    pub fn of(ca: &Fingerprint, node_key: &[u8], host_nonce: &[u8], node_nonce: &[u8]) -> Self {
        let mut hasher = Sha256::new_with_prefix(b"watchroom six words\0");
        for part in [ca.as_bytes().as_slice(), node_key, host_nonce, node_nonce] {
            // With its length before it, no part can lend bytes to its neighbour.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut hash = hasher.finalize();
        for _ in 1..ROUNDS {
            hash = Sha256::digest(hash);
        }
        let mut bits = hash
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |place| usize::from(byte >> place & 1)));
        Self(std::array::from_fn(|_| {
            let index = bits.by_ref().take(BITS).fold(0, |index, bit| index << 1 | bit);
            LIST.lines().nth(index).unwrap_or_default()
        }))
    }

    /// The words, in order.
    #[must_use]
    pub const fn words(&self) -> &[&'static str; SHOWN] {
        &self.0
    }
}

impl fmt::Display for SixWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn words(ca: &[u8], key: &[u8], host: &[u8], node: &[u8]) -> SixWords {
        SixWords::of(&Fingerprint::of(ca), key, host, node)
    }

    #[test]
    fn the_list_holds_exactly_one_word_for_each_eleven_bits() {
        let list: Vec<&str> = LIST.lines().collect();
        assert_eq!(list.len(), 1 << BITS);
        let ordered: BTreeSet<_> = list.iter().copied().collect();
        assert!(
            ordered.into_iter().eq(list.iter().copied()),
            "not in order, or not distinct"
        );
        for word in list {
            let is_plain = word.bytes().all(|byte| byte.is_ascii_lowercase());
            assert!((4..=8).contains(&word.len()) && is_plain, "{word}");
        }
    }

    #[test]
    fn no_slip_of_one_letter_makes_another_word() {
        let list: BTreeSet<&str> = LIST.lines().collect();
        for word in &list {
            for at in 0..word.len() {
                let (before, after) = word.split_at(at);
                let without = format!("{before}{}", &after[1..]);
                assert!(!list.contains(without.as_str()), "{word} and {without}");
                for letter in 'a'..='z' {
                    let other = format!("{before}{letter}{}", &after[1..]);
                    assert!(
                        other == **word || !list.contains(other.as_str()),
                        "{word} and {other}"
                    );
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn both_sides_see_the_same_and_any_difference_shows(ca: [u8; 8], key: [u8; 8], host: [u8; 8], node: [u8; 8], bit in 0_usize..256) {
            let shown = words(&ca, &key, &host, &node);
            prop_assert_eq!(shown, words(&ca, &key, &host, &node));
            let mut parts = [ca, key, host, node];
            parts[bit / 64][bit / 8 % 8] ^= 1 << (bit % 8);
            let [ca, key, host, node] = parts;
            prop_assert_ne!(shown, words(&ca, &key, &host, &node));
        }

        #[test]
        fn parts_cannot_lend_each_other_bytes(key: [u8; 6], cut in 1_usize..6) {
            let (one, rest) = key.split_at(cut);
            prop_assert_ne!(words(b"ca", &key, b"", b""), words(b"ca", one, rest, b""));
        }
    }
}
