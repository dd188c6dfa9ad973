//! Quotations: a quote that opens a text of the value's own ends none of the query's.
//!
//! Programs and people put quotes in pairs, behind what wants a text: a bracket, a sign, a space. An attack ends a
//! text that it has not begun.

use super::Place;
use crate::text::{contains, from, is_blank, is_name};

/// How surely the first quote of a kind begins a quotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotation {
    /// It ends something, for all that is known.
    None,
    /// All quotes come in pairs, and the first stands where people open one.
    Opened,
    /// The same, and behind the second goes on what is around a text in a program: `find('#')`, `a = "*";`.
    Enclosed,
}

impl Quotation {
    /// What a text is whose first quote of the host's kind is the one that would end the host's text.
    pub(super) fn of(text: &[u8], place: Place) -> Self {
        let Place::Within(quote) = place else {
            return Self::None;
        };
        let mut quotes = text
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == quote)
            .map(|(at, _)| at);
        let (Some(first), Some(second)) = (quotes.next(), quotes.next()) else {
            return Self::None;
        };
        if quotes.count() % 2 == 1 {
            return Self::None;
        }
        let left = without_prefix(text.get(..first).unwrap_or_default());
        let right = from(text, second + 1).first();
        let ends_text = matches!(right, Some(b',' | b')' | b']' | b'}' | b':'));
        // A name and a space before a comment sign are as good as the name alone to many databases.
        let hides = hides(text.get(first + 1..second).unwrap_or_default());
        if left.is_empty() {
            return if ends_text && !hides {
                Self::Enclosed
            } else {
                Self::None
            };
        }
        let is_spaced = left.last().is_some_and(|byte| is_blank(*byte));
        let sign = left.trim_ascii_end().last();
        let is_assigned = matches!(sign, Some(b'=' | b':'));
        let is_signed = is_assigned || matches!(sign, Some(b'(' | b'[' | b'{' | b',' | b'&'));
        let is_opened = is_signed || is_spaced && !hides;
        let is_enclosed = ends_text || right == Some(&b';') || is_assigned && right.is_none();
        match (is_opened, is_enclosed) {
            (true, true) => Self::Enclosed,
            (true, false) => Self::Opened,
            _ => Self::None,
        }
    }
}

/// Whether a text has a sign in it that hides what follows.
fn hides(inner: &[u8]) -> bool {
    inner.contains(&b'#') || inner.starts_with(b"/*") || contains(inner, b"--")
}

/// The text before a quote without a letter that says of which kind it is: `b'-'`, `f"*"`.
fn without_prefix(left: &[u8]) -> &[u8] {
    match left {
        [b'b' | b'f' | b'r' | b'u'] => &[],
        [before @ .., other, b'b' | b'f' | b'r' | b'u'] if !is_name(*other) => {
            left.get(..=before.len()).unwrap_or_default()
        }
        _ => left,
    }
}
