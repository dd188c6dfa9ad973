//! Script that ends the text of another script and goes on, or is nothing but a call that only proves a point.

mod call;

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{Words, contains, from, is_blank, skip_blank};

use call::sinks;

/// What holds all that a page can call.
const GLOBALS: Words = Words::new(&[
    b"self",
    b"window",
    b"this",
    b"top",
    b"parent",
    b"frames",
    b"globalthis",
]);

/// Things of a page that nobody but script speaks of.
const THINGS: Words = Words::new(&[
    b"document.cookie",
    b"document.write",
    b"document.location",
    b"document.domain",
    b"document[",
    b"window.location",
    b"location.href",
    b"location=",
    b"localstorage",
    b"string.fromcharcode",
    b".constructor",
    b"xmlhttprequest",
    b"document.createelement",
    b"innerhtml",
    b".getelementby",
    b"__proto__",
    b"globalthis",
    b".call`",
    b".apply`",
    b"string.raw`",
    b"$.getscript(",
]);

pub(super) fn judge(text: &[u8], tally: &mut Tally) {
    if is_written_in_brackets(text) {
        tally.add(Rule::XssScript, 60);
        return;
    }
    let sinks = sinks(text);
    let speaks_of_pages = mentions(text);
    if sinks.proofs + sinks.calls + sinks.mentions == 0 && !speaks_of_pages {
        return;
    }
    let is_broken_out = breaks_out(text);
    let is_template = opens_template(text);
    if sinks.bare_proofs > 0 {
        tally.add(Rule::XssScript, 60);
    } else if sinks.proofs > 0 {
        tally.add(Rule::XssScript, 40);
    } else if sinks.calls > 0 {
        tally.add(Rule::XssScript, 20);
    }
    if speaks_of_pages {
        // What was taken out of an object by its name is called.
        tally.add(Rule::XssScript, if contains(text, b"](") { 50 } else { 35 });
    }
    if sinks.mentions > 0 && (is_broken_out || is_template) {
        tally.add(Rule::XssScript, 35);
    }
    if is_broken_out {
        tally.add(Rule::XssScript, if sinks.proofs > 0 { 40 } else { 20 });
    }
    let is_in_element = text
        .windows(2)
        .any(|pair| matches!(pair, [b'<', next] if next.is_ascii_alphabetic()));
    if sinks.proofs > 0 && is_in_element {
        tally.add(Rule::XssScript, 20);
    }
    if ends_in_comment(text) || is_template {
        tally.add(Rule::XssScript, 20);
    }
}

/// What a template puts the value of an expression in place of: `${..}`, `#{..}`, `{{..}}`.
fn opens_template(text: &[u8]) -> bool {
    text.windows(2)
        .any(|pair| matches!(pair, [b'$' | b'#' | b'{', b'{']))
}

/// A program of nothing but brackets and signs, which make every letter out of the names of nothing.
fn is_written_in_brackets(text: &[u8]) -> bool {
    text.len() >= 16
        && text.iter().all(|byte| b"[]()!+{}".contains(byte))
        && contains(text, b"[]")
        && contains(text, b"+")
}

fn mentions(text: &[u8]) -> bool {
    THINGS.within(text).next().is_some()
        || GLOBALS
            .apart(text)
            .any(|(at, global)| is_taken_by_name(from(text, at + global.len())))
}

/// `self["alert"]`, with spaces and comments in between or not. Behind a space a word in brackets is prose.
fn is_taken_by_name(rest: &[u8]) -> bool {
    let mut behind = rest;
    for _ in 0..4 {
        behind = skip_blank(behind);
        if let Some(comment) = behind.strip_prefix(b"/*") {
            let end = comment.iter().take(40).position(|byte| *byte == b'/');
            behind = from(comment, end.map_or(comment.len(), |end| end + 1));
        }
    }
    let is_glued = rest.first().is_some_and(|byte| !is_blank(*byte));
    matches!(behind, [b'[', name, ..] if is_glued || !name.is_ascii_alphabetic())
}

/// A quote that ends a text of the page's, perhaps a bracket, and then an operator or the end of a statement.
///
/// Quotes in pairs, of which the first opens one, are the text's own, unless what they hold was one word: `'coo'+'kie'`.
fn breaks_out(text: &[u8]) -> bool {
    [b'\'', b'"', b'`'].iter().any(|quote| {
        let mut quotes = text.iter().enumerate().filter(|(_, byte)| *byte == quote);
        let is_even = quotes.clone().count().is_multiple_of(2);
        let goes_on = |(at, _): (usize, &u8)| is_end_of_operand(from(text, at + 1));
        let is_parted = || text.windows(3).any(|joint| joint == [*quote, b'+', *quote]);
        if is_even {
            quotes.next().is_some_and(goes_on) || is_parted()
        } else {
            quotes.any(goes_on)
        }
    })
}

/// Whether what follows goes on behind an operand, or ends the statement.
fn is_end_of_operand(rest: &[u8]) -> bool {
    let blank = rest.iter().take(4).take_while(|byte| is_blank(**byte)).count();
    from(rest, blank).first().is_some_and(|byte| {
        matches!(
            byte,
            b';' | b')' | b'}' | b'+' | b'-' | b'*' | b'/' | b'|' | b'&' | b'^' | b'?' | b','
        )
    })
}

fn ends_in_comment(text: &[u8]) -> bool {
    contains(text, b"//")
        && !contains(text, b"://")
        && text
            .windows(2)
            .rposition(|pair| pair == b"//")
            .is_some_and(|at| from(text, at + 2).len() < 24)
}
