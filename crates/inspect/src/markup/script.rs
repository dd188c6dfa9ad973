//! Script that ends the text of another script and goes on, or is nothing but a call that only proves a point.

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{Words, contains, from, is_blank, is_name, skip_blank};

/// Functions that an attack ends in.
const SINKS: Words = Words::new(&[
    b"alert",
    b"confirm",
    b"prompt",
    b"eval",
    b"fetch",
    b"function",
    b"settimeout",
    b"setinterval",
    b"msgbox",
    b"execscript",
    b"importscripts",
    b"geturl",
    b"print",
    b"write",
    b"import",
    b"open",
]);

/// Of these, the ones whose bare call is proof.
const PROOFS: &[&[u8]] = &[b"alert", b"confirm", b"prompt", b"eval", b"msgbox"];

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
]);

pub(super) fn judge(text: &[u8], tally: &mut Tally) {
    let sinks = sinks(text);
    let speaks_of_pages = mentions(text);
    if sinks.proofs + sinks.calls + sinks.mentions == 0 && !speaks_of_pages {
        return;
    }
    let is_broken_out = breaks_out(text);
    if sinks.proofs > 0 {
        tally.add(Rule::XssScript, 40);
    } else if sinks.calls > 0 {
        tally.add(Rule::XssScript, 20);
    }
    if speaks_of_pages {
        // What was taken out of an object by its name is called.
        tally.add(Rule::XssScript, if contains(text, b"](") { 50 } else { 35 });
    }
    if sinks.mentions > 0 && (is_broken_out || contains(text, b"${")) {
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
    if ends_in_comment(text) || contains(text, b"${") {
        tally.add(Rule::XssScript, 20);
    }
}

#[derive(Default)]
struct Sinks {
    proofs: usize,
    calls: usize,
    mentions: usize,
}

fn sinks(text: &[u8]) -> Sinks {
    let mut found = Sinks::default();
    for (at, sink) in SINKS.apart(text) {
        let left = at.checked_sub(1).and_then(|left| text.get(left));
        // A method of that name is somebody else's.
        let is_hyphened = left == Some(&b'-')
            && at
                .checked_sub(2)
                .and_then(|at| text.get(at))
                .is_some_and(|byte| is_name(*byte));
        if left.is_some_and(|byte| matches!(byte, b'.' | b'$')) || is_hyphened {
            continue;
        }
        let rest = from(text, at + sink.len());
        let is_proof = PROOFS.contains(&sink);
        match if is_proof { skip_blank(rest) } else { rest } {
            [b'(' | b'`', ..] | [b'?', b'.', b'(', ..] | [b')', b'(', ..] | [b'%', b'2', b'8', ..]
                if is_proof =>
            {
                found.proofs += 1;
            }
            [b'(' | b'`', ..] => found.calls += 1,
            [b',' | b')' | b'}' | b';' | b']' | b'\'' | b'"', ..] if is_proof => found.mentions += 1,
            _ => {}
        }
    }
    found
}

fn mentions(text: &[u8]) -> bool {
    THINGS.within(text).next().is_some()
        || GLOBALS
            .apart(text)
            .any(|(at, global)| is_taken_by_name(from(text, at + global.len())))
}

/// `self["alert"]`, with spaces and comments in between or not.
fn is_taken_by_name(mut rest: &[u8]) -> bool {
    for _ in 0..4 {
        rest = skip_blank(rest);
        if let Some(comment) = rest.strip_prefix(b"/*") {
            let end = comment.iter().take(40).position(|byte| *byte == b'/');
            rest = from(comment, end.map_or(comment.len(), |end| end + 1));
        }
    }
    rest.first() == Some(&b'[')
}

/// A quote, perhaps a bracket, and then an operator or the end of a statement.
fn breaks_out(text: &[u8]) -> bool {
    text.iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'\'' | b'"' | b'`'))
        .any(|(at, _)| {
            let rest = from(text, at + 1);
            let blank = rest.iter().take(4).take_while(|byte| is_blank(**byte)).count();
            from(rest, blank).first().is_some_and(|byte| {
                matches!(
                    byte,
                    b';' | b')' | b'}' | b'+' | b'-' | b'*' | b'/' | b'|' | b'&' | b'^' | b'?' | b','
                )
            })
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
