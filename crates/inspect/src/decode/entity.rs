//! Character references of HTML: `&#39;`, `&#x27`, `&apos;`. The semicolon is optional, as in browsers.

use super::{number, push, replace};

/// The names an attack can be written with; others stay as they are.
const NAMES: &[(&[u8], &str)] = &[
    (b"Tab", "\t"),
    (b"NewLine", "\n"),
    (b"amp", "&"),
    (b"apos", "'"),
    (b"ast", "*"),
    (b"bsol", "\\"),
    (b"colon", ":"),
    (b"comma", ","),
    (b"commat", "@"),
    (b"dollar", "$"),
    (b"equals", "="),
    (b"excl", "!"),
    (b"grave", "`"),
    (b"gt", ">"),
    (b"lbrace", "{"),
    (b"lbrack", "["),
    (b"lowbar", "_"),
    (b"lpar", "("),
    (b"lsqb", "["),
    (b"lt", "<"),
    (b"nbsp", " "),
    (b"num", "#"),
    (b"percnt", "%"),
    (b"period", "."),
    (b"plus", "+"),
    (b"quest", "?"),
    (b"quot", "\""),
    (b"rbrace", "}"),
    (b"rbrack", "]"),
    (b"rpar", ")"),
    (b"rsqb", "]"),
    (b"semi", ";"),
    (b"sol", "/"),
    (b"verbar", "|"),
];

/// Takes off one layer of character references.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, |byte| byte == b'&', escape)
}

fn escape(rest: &[u8], decoded: &mut Vec<u8>) -> usize {
    let after = rest.get(1..).unwrap_or_default();
    let taken = if let Some((b'#', digits)) = after.split_first() {
        numeric(digits, decoded).map(|digits| digits + 2)
    } else {
        named(after, decoded).map(|letters| letters + 1)
    };
    let Some(taken) = taken else {
        return 0;
    };
    taken + usize::from(rest.get(taken) == Some(&b';'))
}

/// How long a reference may be; an attacker pads with zeros, but not for ever.
const DIGITS: usize = 12;

fn numeric(digits: &[u8], decoded: &mut Vec<u8>) -> Option<usize> {
    let (value, taken) = match digits.split_first() {
        Some((b'x' | b'X', digits)) => {
            let (value, digits) = number(digits, 16, DIGITS);
            (value, if digits == 0 { 0 } else { digits + 1 })
        }
        _ => number(digits, 10, DIGITS),
    };
    if taken == 0 {
        return None;
    }
    push(decoded, value);
    Some(taken)
}

fn named(after: &[u8], decoded: &mut Vec<u8>) -> Option<usize> {
    let letters = after
        .iter()
        .take(8)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let name = after.get(..letters)?;
    let is_closed = after.get(letters) == Some(&b';');
    let (name, character) = NAMES.iter().find(|(known, _)| *known == name)?;
    // Without a semicolon only the oldest names count, as in browsers; `&colon` in a query would be a parameter.
    let is_old: bool = matches!(*name, b"lt" | b"gt" | b"amp" | b"quot" | b"apos" | b"nbsp");
    if !is_closed && !is_old {
        return None;
    }
    decoded.extend_from_slice(character.as_bytes());
    Some(letters)
}
