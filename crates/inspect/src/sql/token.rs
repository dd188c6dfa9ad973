//! What the lexer makes of a text.

use super::words::Word;
use crate::text::{from, is_blank, is_name};

/// How many letters a comment has that nobody wrote for a reader: tools leave a word there to find their own
/// requests again.
pub(super) const SHORT: u8 = 6;

/// How many a comment has that only shows its sign is one: `-- -`, `--+`, `-- -a`.
pub(super) const TRACE: u8 = 3;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number; the flag says whether it is written in hexadecimal, with eight digits or more.
    Number(bool),
    /// A text in quotes, or none if its end is missing.
    Text {
        /// The quote it began with; in a text that stands within quotes, the one around it for the first.
        quote: u8,
        /// Whether it ends.
        is_closed: bool,
    },
    /// A word.
    Word(Word),
    /// A name in backticks or brackets.
    Name,
    /// `@name`, and `@@name` with the flag.
    Variable(bool),
    /// Compares: `=`, `<>`, `<=`, `!=`.
    Compare,
    /// Computes; the byte it begins with.
    Arithmetic(u8),
    /// `!` and `~`.
    Bang,
    /// `&&` and `||`.
    Logic,
    /// `(`, and `{` before ODBC's dates.
    Open,
    /// `)` and `}`.
    Close,
    /// `,`.
    Comma,
    /// `;`.
    Semicolon,
    /// `.`.
    Dot,
    /// A comment to the end of its line.
    Comment {
        /// How many letters the comment has, other than white space; counted up to 255.
        letters: u8,
        /// Whether the text ends with it.
        is_last: bool,
    },
    /// `/* .. */`; the flag says whether it ends.
    Block(bool),
    /// `/*! .. */`, whose inside MySQL reads.
    Version,
    /// Anything else.
    Other,
}

/// One token. `glued` says that no white space stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) glued: bool,
    pub(super) text: &'a [u8],
}

impl Token<'_> {
    /// Whether it is the bracket of a call or a row; databases know curly ones for little else than dates.
    pub(super) fn is_round(&self) -> bool {
        self.text == b"("
    }

    /// For a number: whether it is written as in programs, `0x31` or `1e0`.
    pub(super) fn is_in_code(&self) -> bool {
        self.text
            .iter()
            .any(|byte| matches!(byte, b'x' | b'X' | b'e' | b'E'))
    }

    /// For a text in quotes: whether white space is the first thing in it.
    pub(super) fn is_spaced(&self) -> bool {
        self.text.get(1).is_some_and(|byte| is_blank(*byte))
    }

    /// For the query's own text: whether its last quote stands where people open one.
    pub(super) fn is_where_quotes_open(&self) -> bool {
        let before = self.text.len().checked_sub(2).and_then(|at| self.text.get(at));
        before.is_some_and(|byte| is_blank(*byte) || matches!(byte, b'(' | b'[' | b'{' | b'=' | b',' | b':'))
    }

    /// For the query's own text: whether it ends in a letter that French or Italian leaves before an apostrophe.
    pub(super) fn is_elided(&self) -> bool {
        match self.text {
            [rest @ .., b'q' | b'Q', b'u' | b'U', b'\''] | [rest @ .., b'l' | b'L', b'l' | b'L', b'\''] => {
                !rest.is_empty()
            }
            [rest @ .., letter, b'\''] => {
                b"cdjlmnst".contains(&letter.to_ascii_lowercase())
                    && rest.last().is_none_or(|left| !is_name(*left))
            }
            _ => false,
        }
    }

    /// For a text in quotes: whether it has several words.
    pub(super) fn is_wordy(&self) -> bool {
        self.text
            .trim_ascii_end()
            .iter()
            .filter(|byte| is_blank(**byte))
            .count()
            > 1
    }

    /// For a text in quotes: whether there is no white space in it.
    pub(super) fn is_one_word(&self) -> bool {
        !self.text.iter().any(|byte| is_blank(*byte))
    }

    /// For a text in quotes: whether it looks like JSON.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.text, [b'\'', b'{' | b'[', ..])
    }

    /// Whether it is a number as no person writes it, `1.e`, which MySQL reads as `1`.
    pub(super) fn is_bare_exponent(&self) -> bool {
        matches!(self.text, [b'0'..=b'9', b'.', b'e' | b'E'])
    }

    /// For a text in quotes that does not end: whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        from(self.text, 1).iter().all(|byte| is_blank(*byte))
    }
}
