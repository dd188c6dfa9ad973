//! Per cent signs: `%27`, and `%u2215` as some servers have it; and the plus sign of forms.

use super::{hexadecimal, push, replace};

/// Takes off one layer of `%XX` and `%uXXXX`.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, |byte| byte == b'%', escape)
}

fn escape(rest: &[u8], decoded: &mut Vec<u8>) -> usize {
    let after = rest.get(1..).unwrap_or_default();
    if let Some((b'u' | b'U', digits)) = after.split_first()
        && let (code, 4) = hexadecimal(digits, 4)
    {
        push(decoded, code);
        return 6;
    }
    let (value, digits) = hexadecimal(after, 2);
    match u8::try_from(value) {
        // Latin-1's space that does not break, which MySQL takes for one; in UTF-8 something else leads it.
        Ok(0xa0) if digits == 2 && decoded.last().is_none_or(u8::is_ascii) => {
            decoded.push(b' ');
            3
        }
        Ok(byte) if digits == 2 => {
            decoded.push(byte);
            3
        }
        _ => 0,
    }
}

/// How many letters with a per cent sign before each make a word that somebody spelled so.
const STREWN: usize = 3;

/// Drops per cent signs before letters, as old web servers did: `%S%E%L%E%C%T`.
pub(super) fn gather(text: &[u8]) -> Option<Vec<u8>> {
    let is_strewn = |window: &[u8]| {
        window
            .chunks(2)
            .all(|pair| matches!(pair, [b'%', letter] if letter.is_ascii_alphabetic()))
    };
    if !text.contains(&b'%') || !text.windows(2 * STREWN).any(is_strewn) {
        return None;
    }
    let is_letter = |rest: &[u8]| rest.get(1).is_some_and(u8::is_ascii_alphabetic);
    replace(
        text,
        |byte| byte == b'%',
        |rest, gathered| {
            if !is_letter(rest) {
                return 0;
            }
            gathered.extend(rest.get(1));
            2
        },
    )
}

/// Spaces for plus signs, in a text that has no others.
pub(super) fn plus(text: &[u8]) -> Option<Vec<u8>> {
    let spelled = text.contains(&b'+') && !text.contains(&b' ');
    spelled.then(|| {
        text.iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect()
    })
}
