//! Elements and declarations: what stands behind `<`.

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{contains, each_word, from, is_blank, is_name, skip_blank, starts_with};

/// Elements that run script, load what does, or change what the rest of the page means.
const ACTIVE: &[&[u8]] = &[
    b"animate",
    b"animatemotion",
    b"animatetransform",
    b"applet",
    b"audio",
    b"base",
    b"bgsound",
    b"body",
    b"button",
    b"comment",
    b"embed",
    b"event-source",
    b"foreignobject",
    b"form",
    b"frame",
    b"frameset",
    b"handler",
    b"html",
    b"iframe",
    b"ilayer",
    b"image",
    b"input",
    b"isindex",
    b"keygen",
    b"layer",
    b"link",
    b"listener",
    b"maction",
    b"marquee",
    b"math",
    b"meta",
    b"noscript",
    b"object",
    b"plaintext",
    b"portal",
    b"script",
    b"set",
    b"slot",
    b"style",
    b"svg",
    b"template",
    b"textarea",
    b"title",
    b"use",
    b"video",
    b"xml",
    b"xmp",
    b"xss",
];

/// Of those, the ones that are never the name of a type or of anything else between angle brackets.
const NEVER_HONEST: &[&[u8]] = &[
    b"script",
    b"iframe",
    b"svg",
    b"frameset",
    b"applet",
    b"isindex",
    b"bgsound",
    b"noscript",
    b"foreignobject",
    b"meta",
    b"marquee",
    b"embed",
    b"plaintext",
    b"xmp",
    b"xss",
];

/// The length of the shortest of these names.
const SHORTEST: usize = 3;

pub(super) fn judge(text: &[u8], tally: &mut Tally) {
    // Nothing that an element could do anything with.
    let is_prose = !text
        .iter()
        .any(|byte| matches!(byte, b'(' | b'=' | b'`' | b'{' | b'&' | b'%'))
        && !contains(text, b"</");
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'<') {
        if tally.is_decided() {
            return;
        }
        let left = at.checked_sub(1).and_then(|left| text.get(left));
        let rest = from(text, at + 1);
        if is_placeholder(left, rest) || is_prose && is_mentioned(left, rest) {
            tally.add(Rule::XssElement, 10);
        } else {
            let is_type = left.is_some_and(|byte| is_name(*byte) || *byte == b':');
            opened(rest, is_type, tally);
        }
    }
}

/// `"<input>"`: a name between the same quotes, as programs have for what is no file.
fn is_placeholder(left: Option<&u8>, rest: &[u8]) -> bool {
    let name = rest
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_lowercase())
        .count();
    let is_quoted = matches!((left, from(rest, name)), (Some(open @ (b'"' | b'\'' | b'`')), [b'>', close, ..]) if open == close);
    name > 0 && is_quoted && !is_in(NEVER_HONEST, from_start(rest, name))
}

/// "the <script> tag": the name of an element in a sentence.
fn is_mentioned(left: Option<&u8>, rest: &[u8]) -> bool {
    let name = rest
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    name > 0
        && left == Some(&b' ')
        && matches!(
            from(rest, name),
            [b'>', b'.' | b',' | b'!' | b'?', ..] | [b'>', b' ', b'a'..=b'z', ..]
        )
}

/// Looks at what follows one `<`. `is_type` says that a name stands right before it, as in `Vec<String>`.
fn opened(rest: &[u8], is_type: bool, tally: &mut Tally) {
    match rest.first() {
        Some(b'!') => declared(from(rest, 1), tally),
        Some(b'?') => instructed(from(rest, 1), tally),
        Some(b'%') => tally.add(Rule::XssDeclaration, if is_quoted_soon(rest) { 50 } else { 20 }),
        _ => {
            let is_closing = rest.first() == Some(&b'/');
            let name = skip_blank(if is_closing { from(rest, 1) } else { rest });
            named(
                name,
                is_type,
                is_closing,
                name.len() != rest.len() && !is_closing,
                tally,
            );
        }
    }
}

fn declared(rest: &[u8], tally: &mut Tally) {
    let body = skip_blank(rest);
    let weight = if [
        &b"[cdata["[..],
        b"entity",
        b"element",
        b"attlist",
        b"--[if",
        b"--#",
    ]
    .iter()
    .any(|word| starts_with(body, word))
        || starts_with(body, b"doctype") && (body.contains(&b'[') || loads(body))
    {
        60
    } else if starts_with(rest, b"--") {
        // A comment is nothing by itself, unless it takes an element in half.
        let inner = rest
            .windows(3)
            .skip(2)
            .position(|end| end == b"-->")
            .map(|end| from_start(rest, end + 2));
        let is_open = inner.is_none_or(|inner| contains(inner, b"<"));
        if is_open && contains(rest, b"<") || contains(inner.unwrap_or(rest), b"`") {
            50
        } else if is_open {
            20
        } else {
            10
        }
    } else if is_quoted_soon(body) {
        50
    } else {
        10
    };
    tally.add(Rule::XssDeclaration, weight);
}

/// Whether a declaration of a document names a file of its own for what it declares.
fn loads(doctype: &[u8]) -> bool {
    each_word(doctype, b"system")
        .next()
        .is_some_and(|at| doctype.get(at + 6).is_some_and(|byte| is_blank(*byte)))
}

fn instructed(rest: &[u8], tally: &mut Tally) {
    // How every document in XML begins; what it declares or holds is seen on its own.
    if starts_with(rest, b"xml version=") {
        return tally.add(Rule::XssDeclaration, 20);
    }
    let is_program = [&b"php"[..], b"xml-stylesheet", b"import", b"xml", b"=", b"echo"]
        .iter()
        .any(|word| starts_with(skip_blank(rest), word));
    tally.add(
        Rule::XssDeclaration,
        if is_program || is_quoted_soon(rest) {
            50
        } else {
            20
        },
    );
}

/// Whether an assignment of a text follows, as in an attribute.
fn is_quoted_soon(rest: &[u8]) -> bool {
    rest.windows(2)
        .take(80)
        .any(|pair| matches!(pair, [b'=', b'"' | b'\'' | b'`']))
}

fn named(rest: &[u8], is_type: bool, is_closing: bool, is_apart: bool, tally: &mut Tally) {
    let length = rest
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-')
        .count();
    let name = from_start(rest, length);
    let after = from(rest, length);
    // A prefix, as in `<svg:script`, says only which vocabulary the name is from.
    if let Some((b':', local)) = after.split_first()
        && length > 0
        && !is_type
        && local.first().is_some_and(u8::is_ascii_alphabetic)
    {
        let local_name = local
            .iter()
            .take(24)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let is_server_side = name.eq_ignore_ascii_case(b"esi");
        if is_server_side || is_in(ACTIVE, from_start(local, local_name)) {
            tally.add(Rule::XssElement, 60);
        }
        return;
    }
    // Most of what stands behind `<` is an operand or a short name, and none of these is so short.
    if length < SHORTEST {
        return;
    }
    if is_in(NEVER_HONEST, name) || starts_with(name, b"script") {
        let is_honest = is_apart || is_type && is_parameter(name, after);
        tally.add(Rule::XssElement, if is_honest { 30 } else { 60 });
    } else if is_in(ACTIVE, name) {
        let is_ended = after
            .first()
            .is_none_or(|byte| matches!(byte, b'>' | b'/' | b'\\' | b'"' | b'\'') || is_blank(*byte));
        let has_attribute = after.contains(&b'=');
        let is_placeholder = (is_apart || is_type || !has_attribute) && after.first() == Some(&b'>');
        if is_closing {
            let ends_text = is_in(&[b"style", b"title", b"textarea", b"xml", b"comment"], name);
            // What never has an end in a page has one as the name of something else.
            let is_empty = is_in(&[b"base", b"input", b"link"], name);
            tally.add(
                Rule::XssElement,
                if ends_text {
                    50
                } else if is_empty {
                    0
                } else {
                    10
                },
            );
            return;
        }
        // Perl's `C<use integer>`, and types with bounds.
        let is_marked = is_type && !has_attribute;
        match (is_ended, is_placeholder || is_marked, is_apart) {
            (true, false, false) => tally.add(Rule::XssElement, 60),
            (true, true, false) if !is_type => tally.add(Rule::XssElement, 40),
            _ => tally.add(Rule::XssElement, 10),
        }
    } else if starts_with(name, b"img") && !is_type {
        image(after, tally);
    }
}

/// `Vec<Script>,`: what is in the brackets is the name of a type, and not an element that goes on.
fn is_parameter(name: &[u8], after: &[u8]) -> bool {
    let is_title = matches!(name, [first, rest @ ..] if first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_lowercase));
    is_title
        && matches!(
            after,
            [b'>'] | [b'>', b',' | b')' | b':' | b';' | b'>' | b' ', ..]
        )
}

/// A picture without a handler: harmless as people write it, an attack when its address is none or in no quotes.
fn image(after: &[u8], tally: &mut Tally) {
    let is_ended = after.first().is_some_and(|byte| !is_name(*byte) && *byte != b'>');
    if !is_ended {
        return;
    }
    let has_name = |rest: &[u8]| {
        rest.len() > 2
            && rest
                .first()
                .is_some_and(|byte| is_name(*byte) || matches!(byte, b'/' | b'.'))
    };
    let is_quoted = after
        .windows(5)
        .position(|window| {
            matches!(
                window,
                [b's' | b'S', b'r' | b'R', b'c' | b'C', b'=', b'"' | b'\'']
            )
        })
        .is_some_and(|at| has_name(from(after, at + 5)));
    tally.add(Rule::XssElement, if is_quoted { 10 } else { 40 });
}

fn is_in(names: &[&[u8]], name: &[u8]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn from_start(text: &[u8], length: usize) -> &[u8] {
    text.get(..length).unwrap_or_default()
}
