//! Encodings, taken off one kind at a time, the outermost first.
//!
//! Every kind shortens the text it changes, or leaves its length, so that taking off all layers ends. What does not
//! decode stays as it is: an attacker's broken escape is somebody's per cent sign.

mod entity;
mod escape;
mod parted;
mod percent;
mod quote;
mod unicode;

/// One kind of encoding.
type Layer = fn(&[u8]) -> Option<Vec<u8>>;

/// The kinds, in the order in which the machines on the way to a database, a browser or a disk take them off.
const KINDS: &[Layer] = &[
    percent::decode,
    entity::decode,
    escape::decode,
    unicode::fold,
    percent::gather,
    percent::plus,
    parted::join,
    quote::fold,
];

/// The text without its outermost layer of encoding; none if it has no layer.
pub(crate) fn layer(text: &[u8], work: &mut u64) -> Option<Vec<u8>> {
    KINDS.iter().find_map(|decode| {
        *work += u64::try_from(text.len()).unwrap_or(u64::MAX);
        decode(text)
    })
}

/// Goes through a text and replaces what `escape` recognises: it is given the rest of the text at each `lead` byte
/// and answers with what to write and how many bytes that stands for; with none it writes nothing.
///
/// What is written is never taken back, and no byte is copied twice, so that a text of leads alone takes no longer than others.
fn replace(
    text: &[u8],
    lead: impl Fn(u8) -> bool,
    escape: impl Fn(&[u8], &mut Vec<u8>) -> usize,
) -> Option<Vec<u8>> {
    let first = text.iter().position(|byte| lead(*byte))?;
    let mut decoded = Vec::new();
    let mut has_changed = false;
    let mut at = first;
    let mut copied = 0;
    while let Some(byte) = text.get(at) {
        if lead(*byte) {
            decoded.extend_from_slice(text.get(copied..at).unwrap_or_default());
            copied = at;
            let taken = escape(text.get(at..).unwrap_or_default(), &mut decoded);
            if taken > 0 {
                has_changed = true;
                at += taken;
                copied = at;
                continue;
            }
        }
        at += 1;
    }
    if !has_changed {
        return None;
    }
    decoded.extend_from_slice(text.get(copied..).unwrap_or_default());
    Some(decoded)
}

/// Writes a character; what is none is left out.
fn push(decoded: &mut Vec<u8>, code: u32) {
    let mut buffer = [0; 4];
    if let Some(character) = char::from_u32(code) {
        decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    }
}

/// The number that hexadecimal digits at the start of a text spell, at most `most` of them, and how many there are.
fn hexadecimal(text: &[u8], most: usize) -> (u32, usize) {
    number(text, 16, most)
}

/// The number that digits at the start of a text spell, and how many there are.
fn number(text: &[u8], radix: u32, most: usize) -> (u32, usize) {
    let mut value = 0_u32;
    let mut digits = 0;
    for byte in text.iter().take(most) {
        let Some(digit) = char::from(*byte).to_digit(radix) else {
            break;
        };
        value = value.saturating_mul(radix).saturating_add(digit);
        digits += 1;
    }
    (value, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut view = text.as_bytes().to_vec();
        let mut work = 0;
        while let Some(inner) = layer(&view, &mut work) {
            view = inner;
        }
        String::from_utf8_lossy(&view).into_owned()
    }

    #[test]
    fn every_spelling_of_a_dot_and_a_slash_is_one() {
        let spellings = [
            "%2e%2f",
            "%252e%252f",
            "%u002e%u2215",
            "%c0%ae%c0%af",
            "%e0%80%ae%c0%2f",
            "&#46;&#x2f;",
            "\\x2e\\u002f",
            "\u{ff0e}\u{ff0f}",
            "0x2e0x2f",
            "%%32%65%%32%66",
            "%25c0%25ae%25c0%25af",
            "&period;&sol;",
            "%f0%80%80%ae/",
        ];
        for spelling in spellings {
            assert_eq!(plain(spelling), "./", "{spelling}");
        }
    }

    #[test]
    fn a_separator_before_a_hexadecimal_dot_is_no_octal_zero() {
        assert_eq!(plain("0x2e0x2e\\0x2e0x2e\\x"), "..\\..\\x");
        assert_eq!(plain("0x2e0x2e0x5c0X2E0X2E"), "..\\..");
        assert_eq!(plain("scr\\0ipt, scr\\0xipt"), "script, scrxipt");
    }

    #[test]
    fn what_is_not_encoded_stays() {
        for text in [
            "100 % sure",
            "R&D",
            "50%",
            "a & b",
            "C:\\new",
            "%zz",
            "&nothing;",
            "O’Brien's",
        ] {
            let decoded = plain(text);
            assert!(
                decoded == text || text.contains('’') || text.contains('\\'),
                "{text}: {decoded}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn taking_off_layers_ends(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let mut view = text.clone();
            let mut work = 0;
            let mut layers = 0;
            while let Some(inner) = layer(&view, &mut work) {
                assert!(inner.len() <= view.len(), "{view:?} grew to {inner:?}");
                assert_ne!(inner, view);
                view = inner;
                layers += 1;
            }
            assert!(layers <= 4 * text.len() + 1);
        }
    }
}
