//! Addresses that are programs: `javascript:`, `vbscript:`, and documents inside `data:`.

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{contains, from, is_blank, is_name, skip_blank, starts_with};

/// Schemes that run what follows.
const PROGRAMS: &[&[u8]] = &[b"javascript", b"vbscript", b"livescript", b"jscript", b"mocha"];

/// Documents that run script of their own.
const DOCUMENTS: &[&[u8]] = &[
    b"text/html",
    b"image/svg+xml",
    b"text/xml",
    b"application/xml",
    b"application/xhtml",
    b"text/javascript",
    b"application/javascript",
    b"application/x-javascript",
    b"text/j",
    b"text/xsl",
    b"text/vbscript",
];

/// The longest scheme, and how much may be strewn into it.
const SCHEME: usize = 80;

/// How far the kind of a document in an address is looked for.
const MEDIA_TYPE: usize = 120;

pub(super) fn judge(text: &[u8], tally: &mut Tally) {
    if !text.contains(&b':') {
        return;
    }
    let is_markup = text.windows(2).any(|pair| matches!(pair, [b'<', next] if next.is_ascii_alphabetic() || matches!(next, b'!' | b'?' | b'%' | b'/' | b'\\')));
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b':') {
        let scheme = scheme_before(text.get(at.saturating_sub(SCHEME)..at).unwrap_or_default());
        let rest = from(text, at + 1);
        if PROGRAMS.iter().any(|program| scheme.is(program)) {
            let weight = if is_markup || scheme.is_strewn || is_program(rest) {
                60
            } else {
                10
            };
            tally.add(Rule::XssAddress, weight);
        } else if scheme.is(b"data") {
            data(rest, is_markup, tally);
        } else if scheme.is(b"mhtml")
            || scheme.is(b"view-source")
            || scheme.is(b"feed") && starts_with(rest, b"javascript")
        {
            tally.add(Rule::XssAddress, if is_markup { 60 } else { 20 });
        }
        if tally.is_decided() {
            return;
        }
    }
}

/// The letters right before a colon, backwards and in lower case. Browsers skip white space and control characters
/// inside of a scheme.
struct Scheme {
    reversed: [u8; 16],
    length: usize,
    is_strewn: bool,
}

impl Scheme {
    fn is(&self, name: &[u8]) -> bool {
        self.length == name.len()
            && name
                .iter()
                .rev()
                .zip(&self.reversed)
                .all(|(left, right)| left == right)
    }
}

fn scheme_before(text: &[u8]) -> Scheme {
    let mut scheme = Scheme {
        reversed: [0; 16],
        length: 0,
        is_strewn: false,
    };
    let mut is_parted = false;
    for byte in text.iter().rev() {
        if is_blank(*byte) && !(*byte == b' ' && PROGRAMS.iter().any(|program| scheme.is(program))) {
            // Whether this stood inside is known at the next letter.
            is_parted = true;
            continue;
        }
        let is_part = byte.is_ascii_alphabetic() || *byte == b'-';
        let done = PROGRAMS.iter().any(|program| scheme.is(program)) || scheme.is(b"data");
        if !is_part || done {
            break;
        }
        let Some(place) = scheme.reversed.get_mut(scheme.length) else {
            break;
        };
        *place = byte.to_ascii_lowercase();
        scheme.is_strewn |= is_parted;
        is_parted = false;
        scheme.length += 1;
    }
    scheme
}

/// Whether what follows a scheme reads like a program rather than the rest of a sentence.
fn is_program(rest: &[u8]) -> bool {
    let body = skip_blank(rest);
    let calls = body
        .windows(2)
        .any(|pair| matches!(pair, [name, b'(' | b'`'] if is_name(*name) || *name == b')'));
    calls
        || body.len() == rest.len()
            && body
                .iter()
                .take(200)
                .any(|byte| matches!(byte, b'(' | b'`' | b'=' | b'/' | b'\\' | b'%' | b'['))
}

fn data(rest: &[u8], is_markup: bool, tally: &mut Tally) {
    let kind = skip_blank(rest.get(..rest.len().min(MEDIA_TYPE)).unwrap_or_default());
    if DOCUMENTS.iter().any(|document| starts_with(kind, document))
        || !rest.starts_with(b"//") && is_markup_in_base64(kind)
    {
        tally.add(Rule::XssAddress, 60);
    } else if is_markup
        && (kind.starts_with(b",") || kind.starts_with(b";") || contains(kind, b"base64,"))
        && !starts_with(kind, b"image/")
    {
        tally.add(Rule::XssAddress, 40);
    }
}

/// Whether what is spelled in base64 begins with `<`.
fn is_markup_in_base64(kind: &[u8]) -> bool {
    const MARK: &[u8] = b"base64,";
    kind.windows(MARK.len() + 2)
        .any(|window| starts_with(window, MARK) && matches!(window, [.., b'P', b'A'..=b'P']))
}
