//! Attributes that handle events, in an element, behind a quote that ends another attribute, or on their own; and
//! attributes whose style runs script.

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{Words, each_word, from, is_blank, is_name};

/// How the names of events begin, behind `on`.
const EVENTS: Words = Words::new(&[
    b"abort",
    b"activate",
    b"after",
    b"animation",
    b"auxclick",
    b"before",
    b"begin",
    b"blur",
    b"bounce",
    b"canplay",
    b"cell",
    b"change",
    b"click",
    b"close",
    b"connect",
    b"contextmenu",
    b"control",
    b"copy",
    b"cuechange",
    b"cut",
    b"data",
    b"dbl",
    b"deactivate",
    b"device",
    b"drag",
    b"drop",
    b"duration",
    b"emptied",
    b"end",
    b"error",
    b"filter",
    b"finish",
    b"focus",
    b"form",
    b"freeze",
    b"fullscreen",
    b"gesture",
    b"got",
    b"hash",
    b"help",
    b"input",
    b"invalid",
    b"key",
    b"language",
    b"layout",
    b"load",
    b"lose",
    b"lost",
    b"media",
    b"message",
    b"mouse",
    b"move",
    b"moz",
    b"offline",
    b"online",
    b"orientation",
    b"outofsync",
    b"page",
    b"paste",
    b"pause",
    b"play",
    b"pointer",
    b"popstate",
    b"progress",
    b"property",
    b"qt",
    b"ratechange",
    b"readystate",
    b"repeat",
    b"reset",
    b"resize",
    b"resume",
    b"reverse",
    b"row",
    b"scroll",
    b"search",
    b"security",
    b"seek",
    b"select",
    b"show",
    b"slot",
    b"stalled",
    b"start",
    b"stop",
    b"storage",
    b"submit",
    b"suspend",
    b"sync",
    b"time",
    b"toggle",
    b"touch",
    b"track",
    b"transition",
    b"unhandled",
    b"unload",
    b"url",
    b"volume",
    b"waiting",
    b"webkit",
    b"wheel",
    b"xxx",
    b"zoom",
]);

pub(super) fn judge(text: &[u8], tally: &mut Tally) {
    let first_tag = tag(text);
    let first_quote = text.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    for at in each_attribute(text) {
        let Some(value) = value(from(text, at + 2)) else {
            continue;
        };
        let is_in_element = first_tag.is_some_and(|tag| tag < at);
        let is_behind_quote = first_quote.is_some_and(|quote| quote < at);
        let is_known = EVENTS.at_start(from(text, at + 2)).next().is_some();
        let weight = match (is_in_element, is_known) {
            (true, _) => 60,
            (false, true) if is_behind_quote || is_program(value) => 60,
            (false, false) if is_behind_quote && is_program(value) => 60,
            (false, true) => 30,
            (false, false) => 5,
        };
        tally.add(Rule::XssHandler, weight);
        if tally.is_decided() {
            return;
        }
    }
    styles(text, first_tag, first_quote, tally);
}

/// Where an element begins: `<` and a letter, which also `/`, `\x00` and the like may part from it.
fn tag(text: &[u8]) -> Option<usize> {
    text.windows(2).position(|pair| matches!(pair, [b'<', next] if next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?' | b'%' | b'\\')))
}

/// Every place where a name beginning with `on` starts. Browsers let an attribute begin behind a space, a slash, a
/// quote, and a few bytes more; letters before it make it another name.
fn each_attribute(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    each_word(text, b"on").filter(|at| {
        at.checked_sub(1)
            .and_then(|left| text.get(left))
            .is_none_or(|left| !matches!(left, b'-' | b'.' | b'$'))
    })
}

/// The longest name of an event, and some more for those to come.
const NAME: usize = 48;

/// What is assigned to a name, given the text behind its `on`. Between name and sign there may be dust.
fn value(rest: &[u8]) -> Option<&[u8]> {
    let letters = rest
        .iter()
        .take(NAME)
        .take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_')
        .count();
    if letters < 2 {
        return None;
    }
    let after = from(rest, letters);
    let dust = after
        .iter()
        .take(40)
        .take_while(|byte| {
            is_blank(**byte)
                || matches!(
                    byte,
                    b'/' | b'\\'
                        | b'!'
                        | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'('
                        | b')'
                        | b'*'
                        | b'~'
                        | b'+'
                        | b'-'
                        | b'_'
                        | b'.'
                        | b','
                        | b':'
                        | b';'
                        | b'?'
                        | b'@'
                        | b'['
                        | b'|'
                        | b']'
                        | b'^'
                        | b'`'
                )
        })
        .count();
    match from(after, dust) {
        [b'=', b'=' | b'>', ..] => None,
        [b'=', value @ ..] => Some(value),
        [b'\\', b'x', b'3', b'D' | b'd', value @ ..] => Some(value),
        _ => None,
    }
}

/// Whether a value calls or assigns something.
fn is_program(value: &[u8]) -> bool {
    value
        .iter()
        .take(120)
        .any(|byte| matches!(byte, b'(' | b'`' | b'='))
}

/// `expression(..)`, `behavior:url(..)`, `-moz-binding:..` and what else styles could do, comments and escapes in
/// between or not.
fn styles(text: &[u8], tag: Option<usize>, quote: Option<usize>, tally: &mut Tally) {
    let is_placed = tag.is_some()
        || quote.is_some()
        || crate::text::contains(text, b"style=")
        || text.contains(&b'(') && !text.iter().any(|byte| is_blank(*byte));
    if !text.contains(&b':') || !is_placed {
        return;
    }
    let bare = without_comments(text);
    for (word, next) in [
        (&b"expression"[..], b'('),
        (b"behavior", b':'),
        (b"-moz-binding", b':'),
        (b"-o-link", b':'),
    ] {
        let is_called = crate::text::contains(&bare, word)
            && bare.windows(word.len() + 2).any(|window| {
                crate::text::starts_with(window, word) && from(window, word.len()).contains(&next)
            });
        if is_called {
            tally.add(Rule::XssStyle, 60);
        }
    }
    let imports = |at: usize| from(text, at + 7).first().is_none_or(|byte| !is_name(*byte));
    if each_word(text, b"@import").any(imports) {
        tally.add(Rule::XssStyle, 30);
    }
}

/// A style as a browser reads it: without comments, and without the backslashes that may stand before any letter.
fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut bare = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'/', Some(b'*')) => {
                // A comment that never ends is none, and the text before it counts.
                let end = after.windows(2).position(|pair| pair == b"*/");
                let Some(end) = end else {
                    bare.extend_from_slice(after);
                    return bare;
                };
                rest = from(after, end + 2);
            }
            (b'\\', _) => {
                // Six digits at most and one space, or any character as itself.
                let (code, digits) = code(after);
                if digits > 1 {
                    bare.push(code);
                    rest = from(after, digits);
                }
            }
            _ if is_name(*byte) || !is_blank(*byte) => bare.push(*byte),
            _ => {}
        }
    }
    bare
}

fn code(text: &[u8]) -> (u8, usize) {
    let mut value = 0_u32;
    let mut digits = 0;
    for byte in text.iter().take(6) {
        let Some(digit) = char::from(*byte).to_digit(16) else {
            break;
        };
        value = value << 4 | digit;
        digits += 1;
    }
    (u8::try_from(value).unwrap_or(b'?'), digits)
}
