//! One-time codes by time (RFC 6238): SHA-1, 6 digits, 30 seconds, and as many steps early or late as the house takes.

use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use watchroom_kit::{Entropy, ExposeSecret, SecretString};

use crate::csrf::same;

/// How long a code holds, in seconds.
const STEP_S: i64 = 30;
/// How many digits a code has.
pub(crate) const DIGITS: u8 = 6;

/// Letters, digits and what RFC 3986 leaves alone in any part of an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A new seed of 160 bits, as people type it: base32 without padding.
pub(crate) fn new_seed(entropy: &Entropy) -> SecretString {
    SecretString::from(BASE32_NOPAD.encode(&entropy.bytes::<20>()))
}

/// The address that a QR code carries to an authenticator (the key URI format that they share).
pub(crate) fn address(issuer: &str, name: &str, seed: &SecretString) -> SecretString {
    let encoded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let issuer = encoded(issuer);
    SecretString::from(format!(
        "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}",
        encoded(name),
        seed.expose_secret()
    ))
}

/// The step of which this is the code, if that is now or so many steps early or late, and later than `after`.
pub(crate) fn step_of(seed: &SecretString, code: &str, now_s: i64, (after, skew): (i64, i64)) -> Option<i64> {
    let totp = totp(seed)?;
    let now = now_s.div_euclid(STEP_S);
    let steps = (now - skew).max(0)..=now + skew;
    steps.filter(|step| *step > after).find(|step| {
        let at = u64::try_from(step * STEP_S).unwrap_or(0);
        same(&totp.generate(at).to_string(), code)
    })
}

fn totp(seed: &SecretString) -> Option<Totp> {
    let bytes = BASE32_NOPAD.decode(seed.expose_secret().as_bytes()).ok()?;
    let bytes: [u8; 20] = bytes.try_into().ok()?;
    let builder = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP_S.unsigned_abs())
        .with_secret(Secret::new_stack(bytes));
    // The seed has 160 bits and the code 6 digits, which is all that the checked way would look at.
    Some(builder.build_noncompliant())
}

/// Whether a text has the form of a code: no password may be as short.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == usize::from(DIGITS) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of RFC 6238, appendix B, in base32.
    fn seed() -> SecretString {
        SecretString::from(BASE32_NOPAD.encode(b"12345678901234567890"))
    }

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // Appendix B has eight digits; six are their end.
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(step_of(&seed(), code, at, (-1, 1)), Some(at / 30), "{code}");
        }
    }

    #[test]
    fn a_code_holds_one_step_early_and_late_and_never_at_a_step_that_was_used() {
        let (at, code) = (1_111_111_111_i64, "050471");
        let step = at / 30;
        for (later, holds) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            assert_eq!(
                step_of(&seed(), code, at + later, (-1, 1)),
                holds.then_some(step),
                "{later}"
            );
        }
        assert_eq!(step_of(&seed(), code, at, (step - 1, 1)), Some(step));
        assert_eq!(step_of(&seed(), code, at, (step, 1)), None);
        assert_eq!(step_of(&seed(), code, at, (step + 1, 1)), None);
    }

    #[test]
    fn what_is_no_code_matches_nothing() {
        for text in ["", "50471", "0504711", "05047a", " 50471", "０５０４７１"] {
            assert_eq!(step_of(&seed(), text, 1_111_111_111, (-1, 1)), None, "{text}");
            assert!(!is_code(text), "{text}");
        }
        assert!(is_code("050471"));
    }

    #[test]
    fn the_address_tells_an_authenticator_all_it_needs() {
        let address = address("Watchroom hut & sea", "vera", &seed());
        assert_eq!(
            address.expose_secret(),
            "otpauth://totp/Watchroom%20hut%20%26%20sea:vera?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Watchroom%20hut%20%26%20sea&algorithm=SHA1&digits=6&period=30"
        );
    }
}
