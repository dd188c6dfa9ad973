//! Small questions about bytes that every reader asks.

/// A byte of a name: a letter, a digit, an underscore, or part of a letter outside ASCII.
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// White space as databases and browsers see it: control characters count.
pub(crate) fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

/// Whether a text starts with an ASCII word, whatever the case of its letters.
pub(crate) fn starts_with(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(lower))
}

/// The rest of a text from a position on; empty past the end.
pub(crate) fn from(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// The text without the white space it begins with.
pub(crate) fn skip_blank(text: &[u8]) -> &[u8] {
    let blank = text.iter().take_while(|byte| is_blank(**byte)).count();
    from(text, blank)
}

/// Calls with every position where a word stands on its own at the left, whatever the case of its letters.
pub(crate) fn each_word<'a>(text: &'a [u8], lower: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = lower.first().copied().unwrap_or_default();
    text.iter()
        .enumerate()
        .filter(move |(_, byte)| byte.eq_ignore_ascii_case(&first))
        .map(|(at, _)| at)
        .filter(move |at| starts_with(from(text, *at), lower))
        .filter(move |at| {
            at.checked_sub(1)
                .and_then(|left| text.get(left))
                .is_none_or(|left| !is_name(*left))
        })
}

/// Whether a text contains an ASCII word, whatever the case of its letters.
pub(crate) fn contains(text: &[u8], lower: &[u8]) -> bool {
    let first = lower.first().copied().unwrap_or_default();
    text.iter()
        .enumerate()
        .any(|(at, byte)| byte.to_ascii_lowercase() == first && starts_with(from(text, at), lower))
}

/// Words that are looked for together, in one pass over the text.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    words: &'static [&'static [u8]],
    /// A bit for each ASCII byte that a word begins with.
    first: u128,
    /// A bit for each pair of bytes that a word begins with, some pairs sharing one.
    pairs: u128,
}

/// The bit of two bytes, whatever the case of their letters.
const fn pair(first: u8, second: u8) -> u128 {
    1 << (((first & 31) as u32 * 7 + (second & 31) as u32) & 127)
}

impl Words {
    /// Words in lower-case ASCII.
    #[expect(
        clippy::indexing_slicing,
        reason = "within the bounds of the loop; runs in the compiler"
    )]
    pub(crate) const fn new(words: &'static [&'static [u8]]) -> Self {
        let mut first = 0;
        let mut pairs = 0;
        let mut at = 0;
        while at < words.len() {
            first |= 1 << words[at][0];
            pairs |= pair(words[at][0], words[at][1]);
            at += 1;
        }
        Self { words, first, pairs }
    }

    /// The words that stand at the start of a text.
    pub(crate) fn at_start<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'static [u8]> + 'a {
        let first = text.first().map_or(0x80, u8::to_ascii_lowercase);
        let second = text.get(1).copied().unwrap_or_default();
        let is_possible =
            first < 0x80 && self.first >> first & 1 == 1 && self.pairs & pair(first, second) != 0;
        let words = if is_possible { self.words } else { &[] };
        words
            .iter()
            .filter(move |word| word.first() == Some(&first))
            .filter(|word| starts_with(text, word))
            .copied()
    }

    /// Every place where one of the words stands, whatever is left and right of it.
    pub(crate) fn within<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'static [u8])> + 'a {
        text.iter()
            .enumerate()
            .filter(|(_, byte)| {
                let first = byte.to_ascii_lowercase();
                first < 0x80 && self.first >> first & 1 == 1
            })
            .flat_map(|(at, _)| self.at_start(from(text, at)).map(move |word| (at, word)))
    }

    /// The same, where no name runs into the word from the left.
    pub(crate) fn apart<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'static [u8])> + 'a {
        self.within(text).filter(|(at, _)| {
            at.checked_sub(1)
                .and_then(|left| text.get(left))
                .is_none_or(|left| !is_name(*left))
        })
    }
}
