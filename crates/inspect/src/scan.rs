//! The one look at every byte that tells which readers a text is worth.

const DIGIT: u16 = 1;
/// What [`crate::text::is_blank`] takes for white space.
const SPACE: u16 = 1 << 1;
/// Quotes of every kind.
const QUOTE: u16 = 1 << 2;
/// What compares, computes or calls.
const OPERATOR: u16 = 1 << 3;
const ANGLE: u16 = 1 << 4;
const PERCENT: u16 = 1 << 5;
const AMPERSAND: u16 = 1 << 6;
const BACKSLASH: u16 = 1 << 7;
const SLASH: u16 = 1 << 8;
const DOT: u16 = 1 << 9;
const COLON: u16 = 1 << 10;
/// Control characters that nobody types, and all that is not ASCII.
const ODD: u16 = 1 << 11;
const DASH: u16 = 1 << 12;
const COMMA: u16 = 1 << 13;
const EQUALS: u16 = 1 << 14;
/// A quote that calls in script.
const BACKTICK: u16 = 1 << 15;

const CLASSES: [u16; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "a byte is always within 256")]
const fn classes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT,
            b' ' | b'\t' | b'\n' | b'\r' => SPACE,
            // White space to a machine, but nobody types it.
            ..b' ' | 0x7f => SPACE | ODD,
            b'\'' | b'"' => QUOTE,
            b'`' => BACKTICK | QUOTE,
            b'(' | b')' | b'#' | b';' | b'@' | b'*' | b'|' | b'!' | b'~' | b'^' | b'+' | b'[' | b']'
            | b'{' | b'}' | b'$' => OPERATOR,
            b'=' => EQUALS | OPERATOR,
            b'<' | b'>' => ANGLE | OPERATOR,
            b'%' => PERCENT,
            b'&' => AMPERSAND,
            b'\\' => BACKSLASH,
            b'/' => SLASH,
            b'.' => DOT,
            b':' => COLON,
            b'-' => DASH,
            b',' => COMMA,
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'?' => 0,
            _ => ODD,
        };
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

/// Words without which a text of words, numbers and full stops is no SQL.
const OPENERS: &[&[u8]] = &[
    b"select",
    b"union",
    b"having",
    b"waitfor",
    b"insert",
    b"delete",
    b"update",
    b"drop",
    b"exec",
    b"execute",
    b"alter",
    b"create",
    b"truncate",
    b"shutdown",
    b"order",
    b"group",
    b"null",
    b"true",
    b"xor",
    b"rlike",
    b"regexp",
    b"like",
    b"between",
    b"false",
];

/// What else SQL goes on with behind a number.
const JOINERS: &[&[u8]] = &[
    b"and",
    b"or",
    b"is",
    b"in",
    b"div",
    b"mod",
    b"limit",
    b"offset",
    b"into",
    b"for",
    b"procedure",
];

/// Which kinds of bytes a text holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits(u16);

impl Traits {
    pub(crate) fn of(text: &[u8]) -> Self {
        let seen = text.iter().fold(0, |seen, byte| {
            // The table has a row for each byte.
            seen | CLASSES.get(usize::from(*byte)).copied().unwrap_or(ODD)
        });
        Self(seen)
    }

    fn has(self, kinds: u16) -> bool {
        self.0 & kinds != 0
    }

    /// Names, numbers, addresses, dates, and prose without a word that SQL begins with: nothing to read.
    pub(crate) fn is_harmless(self, text: &[u8]) -> bool {
        let needs_reading = QUOTE | OPERATOR | PERCENT | AMPERSAND | BACKSLASH | SLASH | ODD;
        if self.has(needs_reading) {
            return false;
        }
        // Hexadecimal dots and slashes, and a path of nothing but dots.
        if self.has(DOT) && text.starts_with(b"..") || self.has(DIGIT) && text.starts_with(b"0x") {
            return false;
        }
        // A scheme, or the name of a file that nobody means well with.
        if self.has(COLON) && text.first().is_some_and(u8::is_ascii_alphabetic) && !self.has(SPACE) {
            return false;
        }
        if self.has(DOT)
            && !self.has(SPACE)
            && (text.starts_with(b".") || crate::traversal::is_secret_name(text))
        {
            return false;
        }
        !self.has(SPACE) || !self.may_be_spoken_sql(text)
    }

    fn may_be_spoken_sql(self, text: &[u8]) -> bool {
        let is_in = |words: &[&[u8]], word: &[u8]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        // Short and with a word that joins: what stands left of it may be a number, or in the query.
        let is_number_first = text.first().is_some_and(u8::is_ascii_digit)
            || JOINERS
                .iter()
                .any(|joiner| crate::text::starts_with(text, joiner));
        text.split(|byte| !byte.is_ascii_alphabetic()).any(|word| {
            is_in(OPENERS, word) || is_number_first && is_in(JOINERS, word) || crate::sql::is_doubled(word)
        }) || (self.has(DASH) && crate::text::contains(text, b"--"))
    }

    pub(crate) fn may_be_markup(self) -> bool {
        self.has(ANGLE | EQUALS | COLON | BACKTICK)
            || (self.has(QUOTE | OPERATOR) && self.has(OPERATOR | SLASH))
    }

    pub(crate) fn may_be_path(self) -> bool {
        self.has(SLASH | BACKSLASH | DOT)
    }

    pub(crate) fn may_be_sql(self) -> bool {
        self.has(QUOTE | OPERATOR | SPACE | AMPERSAND | SLASH | DASH)
    }

    /// Whether a quote could end the text that a query holds around the value.
    pub(crate) fn has_quote(self) -> bool {
        self.has(QUOTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_the_same_to_all_who_ask() {
        for byte in 0..=u8::MAX {
            assert_eq!(
                Traits::of(&[byte]).has(SPACE),
                crate::text::is_blank(byte),
                "{byte:#x}"
            );
        }
    }

    #[test]
    fn any_white_space_parts_the_words_of_a_query() {
        for blank in ["\x0b", "\x0c", "\x01", "\x1f", "%0b", "%0c", "%a0", "\t"] {
            let text = ["0", "union", "select", "1"].join(blank);
            assert!(crate::inspect(text.as_bytes()).is_some(), "{text:?}");
            let text = ["the", "union", "was", "strong"].join(blank);
            assert!(crate::inspect(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
