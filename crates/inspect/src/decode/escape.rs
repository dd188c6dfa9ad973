//! Escapes of programs: `\x27`, `\u0027`, `\u{27}`, `\047`, `0x2e` for the characters of a path, and the UTF-7 that
//! old browsers read.

use super::{hexadecimal, number, push, replace};

/// Takes off one layer of escapes.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, |byte| matches!(byte, b'\\' | b'0' | b'+'), escape)
}

fn escape(rest: &[u8], decoded: &mut Vec<u8>) -> usize {
    match rest {
        [b'\\', b'x' | b'X', digits @ ..] => match hexadecimal(digits, 2) {
            (value, 2) => {
                decoded.push(u8::try_from(value).unwrap_or_default());
                4
            }
            _ => 0,
        },
        [b'\\', b'u' | b'U', b'{', digits @ ..] => {
            let (value, taken) = hexadecimal(digits, 6);
            if taken == 0 || digits.get(taken) != Some(&b'}') {
                return 0;
            }
            push(decoded, value);
            taken + 4
        }
        [b'\\', b'u' | b'U', digits @ ..] => match hexadecimal(digits, 4) {
            (value, 4) => {
                push(decoded, value);
                6
            }
            _ => 0,
        },
        // A separator, and a character of a path behind it.
        [b'\\', b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => 0,
        [b'\\', digits @ ..] => octal(digits, decoded),
        [b'0', b'x' | b'X', b'2', b'e' | b'E', ..] => put(decoded, b'.'),
        [b'0', b'x' | b'X', b'2', b'f' | b'F', ..] => put(decoded, b'/'),
        [b'0', b'x' | b'X', b'5', b'c' | b'C', ..] => put(decoded, b'\\'),
        [b'+', b'A', b'D', b'w', b'-', ..] => put(decoded, b'<') + 1,
        [b'+', b'A', b'D', b'4', b'-', ..] => put(decoded, b'>') + 1,
        [b'+', b'A', b'C', b'I', b'-', ..] => put(decoded, b'"') + 1,
        _ => 0,
    }
}

fn put(decoded: &mut Vec<u8>, byte: u8) -> usize {
    decoded.push(byte);
    4
}

/// `\47`, and `\0` alone, which vanishes: programs in C end a text there, browsers read on.
fn octal(digits: &[u8], decoded: &mut Vec<u8>) -> usize {
    match number(digits, 8, 3) {
        (0, digits) if digits > 0 => digits + 1,
        (value, digits) if digits >= 2 => match u8::try_from(value) {
            Ok(byte) => {
                decoded.push(byte);
                digits + 1
            }
            Err(_) => 0,
        },
        _ => 0,
    }
}
