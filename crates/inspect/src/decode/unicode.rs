//! Characters that pass for others: overlong UTF-8, full-width forms, look-alikes that databases and file systems
//! map to ASCII, and characters that cannot be seen.

use super::{push, replace};

/// Maps what passes for an ASCII character to it.
pub(super) fn fold(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, |byte| byte >= 0x80 || byte == 0, escape)
}

fn escape(rest: &[u8], decoded: &mut Vec<u8>) -> usize {
    if rest.first() == Some(&0) {
        return 1;
    }
    let taken = overlong(rest, decoded);
    if taken > 0 {
        return taken;
    }
    let Some((character, length)) = character(rest) else {
        return 0;
    };
    match alike(character) {
        Some(ascii) if ascii.len() <= length => {
            decoded.extend_from_slice(ascii.as_bytes());
            length
        }
        _ => 0,
    }
}

/// ASCII in more bytes than it needs. Decoders that take it also take a wrong last byte, which fuzzers know.
fn overlong(rest: &[u8], decoded: &mut Vec<u8>) -> usize {
    match rest {
        [0xc0 | 0xc1, last @ (b'.' | b'/' | b'\\'), ..] => {
            decoded.push(*last);
            2
        }
        [first @ (0xc0 | 0xc1), last, ..] if *last >= 0x80 || (*last & 0x3f) == 0x2e => {
            let code = u32::from(first & 1) << 6 | u32::from(last & 0x3f);
            push(decoded, code);
            2
        }
        [0xe0, high @ 0x80..=0x81, last @ 0x80..=0xbf, ..]
        | [0xf0, 0x80, high @ 0x80..=0x81, last @ 0x80..=0xbf, ..]
        | [0xf8, 0x80, 0x80, high @ 0x80..=0x81, last @ 0x80..=0xbf, ..]
        | [0xfc, 0x80, 0x80, 0x80, high @ 0x80..=0x81, last @ 0x80..=0xbf, ..] => {
            push(decoded, u32::from(high & 1) << 6 | u32::from(last & 0x3f));
            match rest.first() {
                Some(0xe0) => 3,
                Some(0xf0) => 4,
                Some(0xf8) => 5,
                _ => 6,
            }
        }
        _ => 0,
    }
}

/// The character at the start of a text, and how many bytes it takes.
fn character(rest: &[u8]) -> Option<(char, usize)> {
    let head = rest.get(..rest.len().min(4))?;
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
    };
    let character = text.chars().next()?;
    Some((character, character.len_utf8()))
}

/// The ASCII that a character passes for; never longer than the character is.
fn alike(character: char) -> Option<&'static str> {
    let ascii = match character {
        // Full-width forms, in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => return full_width(character),
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{02bc}' | '\u{02b9}' | '\u{2032}' | '\u{00b4}' => "'",
        '\u{201c}' | '\u{201d}' | '\u{2033}' | '\u{02ba}' => "\"",
        '\u{2013}' | '\u{2014}' | '\u{2015}' => "--",
        '\u{2212}' | '\u{2010}' | '\u{2011}' => "-",
        // Two private characters that old web servers took for a slash.
        '\u{2215}' | '\u{2044}' | '\u{f025}' | '\u{efc8}' => "/",
        '\u{2216}' | '\u{29f5}' | '\u{fe68}' => "\\",
        '\u{2024}' | '\u{fe52}' => ".",
        '\u{2025}' => "..",
        '\u{2026}' => "...",
        '\u{2039}' | '\u{3008}' | '\u{fe64}' => "<",
        '\u{203a}' | '\u{3009}' | '\u{fe65}' => ">",
        // What a decoder puts in the place of a byte it does not know stands for a space just as well.
        '\u{fffd}'
        | '\u{00a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}'
        | '\u{0085}' => " ",
        '\u{00ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => "",
        _ => return None,
    };
    Some(ascii)
}

fn full_width(character: char) -> Option<&'static str> {
    const ASCII: &str =
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    let at = usize::try_from(u32::from(character).checked_sub(0xff01)?).ok()?;
    ASCII.get(at..=at)
}
