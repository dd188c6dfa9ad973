//! The text of an API token: `wr_pat_` or `wr_svc_`, 43 characters of chance, 6 of checksum, all base 62.
//!
//! The checksum (CRC-32 of all before it, ISO 3309) lets secret scanners and us tell a token from what
//! only looks like one without asking anybody; it proves nothing. The pattern for scanners is
//! `wr_(pat|svc)_[0-9A-Za-z]{49}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_kit::{Entropy, SecretString};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 43 characters of base 62 carry 256 bits.
const CHANCE: usize = 43;

/// 6 characters of base 62 hold any 32-bit checksum.
const CHECKSUM: usize = 6;

/// Whether a token acts for a person or for a machine of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// `wr_pat_`: for a person's own scripts.
    #[default]
    Personal,
    /// `wr_svc_`: for a service.
    Service,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Personal => "wr_pat_",
            Self::Service => "wr_svc_",
        }
    }
}

/// A new token.
pub(crate) fn make(kind: TokenKind, entropy: &Entropy) -> SecretString {
    let mut text = String::with_capacity(64);
    text.push_str(kind.prefix());
    let wanted = text.len() + CHANCE;
    while text.len() < wanted {
        // Only 248 of 256 values: the rest would make the first characters of the alphabet likelier.
        let drawn = entropy.bytes::<64>().into_iter().filter(|byte| *byte < 248);
        text.extend(drawn.take(wanted - text.len()).map(|byte| digit(u32::from(byte))));
    }
    text.push_str(&checksum(&text));
    text.into()
}

/// Whether the text has a token's form and its checksum is right.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let prefix = [TokenKind::Personal, TokenKind::Service]
        .into_iter()
        .find(|kind| text.starts_with(kind.prefix()));
    let Some(kind) = prefix else { return false };
    let length = kind.prefix().len() + CHANCE + CHECKSUM;
    if text.len() != length
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return false;
    }
    text.split_at_checked(length - CHECKSUM)
        .is_some_and(|(body, sum)| digits(crc32(body.as_bytes())) == sum.as_bytes())
}

fn checksum(body: &str) -> String {
    digits(crc32(body.as_bytes()))
        .iter()
        .copied()
        .map(char::from)
        .collect()
}

fn digits(mut number: u32) -> [u8; CHECKSUM] {
    let mut digits = [b'0'; CHECKSUM];
    for place in digits.iter_mut().rev() {
        *place = digit_byte(number % 62);
        number /= 62;
    }
    digits
}

fn digit(value: u32) -> char {
    char::from(digit_byte(value % 62))
}

fn digit_byte(value: u32) -> u8 {
    usize::try_from(value)
        .ok()
        .and_then(|place| ALPHABET.get(place))
        .copied()
        .unwrap_or(b'0')
}

/// CRC-32 (ISO 3309, as in gzip).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        (sum >> 8)
            ^ CRC_OF_BYTE
                .get(usize::from(low ^ byte))
                .copied()
                .unwrap_or_default()
    })
}

/// What each byte does to the sum.
static CRC_OF_BYTE: [u32; 256] = crc_of_byte();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "reckoned when this is compiled"
)]
const fn crc_of_byte() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(sum & 1));
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_kit::ExposeSecret;

    use super::*;

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_token_looks_as_documented() {
        let token = make(TokenKind::Service, &Entropy::system());
        let text = token.expose_secret();
        assert!(text.starts_with("wr_svc_") && text.len() == 7 + 49, "{text}");
        assert!(text[7..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(is_well_formed(text));
    }

    proptest! {
        #[test]
        fn every_token_made_is_well_formed_and_no_typing_error_is(seed: u64, at in 0_usize..56, to in "[0-9A-Za-z_]") {
            let token = make(TokenKind::Personal, &Entropy::seeded(seed));
            let text = token.expose_secret();
            prop_assert!(is_well_formed(text));
            let mut bent = text.to_owned();
            bent.replace_range(at..=at, &to);
            prop_assert_eq!(is_well_formed(&bent), bent == text);
        }

        #[test]
        fn other_text_is_no_token(text in "(wr_(pat|svc)_)?\\PC{0,60}") {
            prop_assert!(!is_well_formed(&text));
        }
    }
}
