//! Recovery codes: ten, each good once, for whoever has lost the device that makes codes.
//!
//! Of a code only a digest is kept. A code has 120 random bits, so a fast hash is enough (ASVS 6.5.2 wants 112 for that); the
//! account is hashed with it, so that a row that was copied to another account opens nothing.

use data_encoding::BASE32_NOPAD;
use watchroom_kit::{Entropy, ExposeSecret, SecretString};
use watchroom_model::UserId;

use crate::digest::Digest;

/// How many a person gets.
const COUNT: usize = 10;
/// Random bytes of one.
const BYTES: usize = 15;

/// New codes: six groups of four letters and digits.
pub(crate) fn new_codes(entropy: &Entropy) -> Vec<SecretString> {
    let code = || {
        let letters = BASE32_NOPAD
            .encode(&entropy.bytes::<BYTES>())
            .to_ascii_lowercase();
        let groups: Vec<String> = letters
            .as_bytes()
            .chunks(4)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect();
        SecretString::from(groups.join("-"))
    };
    std::iter::repeat_with(code).take(COUNT).collect()
}

/// What is kept of a code, however it was typed.
pub(crate) fn digest(user: UserId, code: &SecretString) -> Digest {
    let typed = code.expose_secret().chars();
    let plain: String = typed
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    Digest::of(&format!("{user} {plain}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use watchroom_kit::Ambient;

    use super::*;

    #[test]
    fn there_are_ten_and_no_two_are_the_same() {
        let codes = new_codes(&Entropy::system());
        let all: BTreeSet<&str> = codes.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(all.len(), COUNT);
        assert!(
            all.iter()
                .all(|code| code.len() == 29 && code.split('-').count() == 6)
        );
    }

    #[test]
    fn a_code_is_known_however_it_was_typed_and_for_its_account_alone() {
        let ambient = Ambient::system();
        let (vera, victor) = (UserId::mint(&ambient), UserId::mint(&ambient));
        let kept = digest(vera, &"abcd-efgh-ijkl-mnop".into());
        assert_eq!(kept, digest(vera, &" ABCDefgh ijkl-MNOP".into()));
        assert_ne!(kept, digest(vera, &"abcd-efgh-ijkl-mnoq".into()));
        assert_ne!(kept, digest(victor, &"abcd-efgh-ijkl-mnop".into()));
    }
}
