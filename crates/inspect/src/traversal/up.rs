//! Segments that go up, or will when a careless filter or an old server is done with them.

use crate::rule::Rule;
use crate::tally::Tally;
use crate::text::{from, is_blank, is_name};

/// How many times a reference within a longer text goes up, at most.
const REFERENCE: usize = 3;

/// Judges a path whose separators are all slashes.
pub(super) fn judge(path: &[u8], is_decoded: bool, tally: &mut Tally) {
    let ups = count(path);
    match ups {
        0 => {}
        _ if are_references(path) => tally.add(Rule::PathUp, 30),
        // Once, as people write it, is a path beside this one; that, too, is no name of anything here.
        1 if !is_decoded => tally.add(Rule::PathUp, 50),
        1 => tally.add(Rule::PathDisguise, 50),
        _ if is_decoded => tally.add(Rule::PathDisguise, 80),
        _ => tally.add(Rule::PathUp, 80),
    }
    match disguised(path) {
        0 => {}
        1 => tally.add(Rule::PathDisguise, 25),
        _ => tally.add(Rule::PathDisguise, 60),
    }
    if survives_filter(path) || has_broken_escapes(path) {
        tally.add(Rule::PathDisguise, 60);
    }
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
}

/// How many segments are two dots and nothing else.
fn count(path: &[u8]) -> usize {
    if !path.contains(&b'/') {
        return 0;
    }
    segments(path).filter(|segment| *segment == b"..").count()
}

/// Whether each of them is in a text or a link that other text speaks of: `include_str!("../a.md")`, `[a](../../a.md)`.
fn are_references(path: &[u8]) -> bool {
    let is_end =
        |byte: &u8| is_blank(*byte) || matches!(byte, b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'<' | b'>');
    let mut at = 0;
    path.split(is_end).all(|part| {
        let start = at;
        at += part.len() + 1;
        let ups = count(part);
        let around = (
            path.get(..start).unwrap_or_default(),
            path.get(start + part.len()),
        );
        let is_quoted = matches!(around, ([.., b'=' | b'(' | b' ', open], Some(close))
            if open == close && matches!(open, b'"' | b'\''));
        let is_link = matches!(around, ([.., b']', b'('], Some(b')')));
        let is_file = part.last().is_some_and(|byte| is_name(*byte));
        ups == 0 || ups <= REFERENCE && (is_quoted || is_link) && part.starts_with(b"../") && is_file
    })
}

/// How sure it is that segments go up in disguise: one for what may be an accident, two and more for what is none.
fn disguised(path: &[u8]) -> u8 {
    let last = path.iter().filter(|byte| **byte == b'/').count();
    if last == 0 {
        return 0;
    }
    let is_rooted = path.starts_with(b"/") && !path.iter().any(|byte| is_blank(*byte));
    let mut left: &[u8] = b"";
    let mut sure = 0_u8;
    for (at, segment) in segments(path).enumerate() {
        sure = sure.saturating_add(match segment {
            // Three dots are an ellipsis; three and three are what old servers took for twice up, and twice again.
            b"..." if left == b"..." => 2,
            // `/img../x`: a server that puts a folder in the place of `/img` leaves the dots behind it.
            [name @ .., b'.', b'.'] if is_rooted && at == 1 && last > 1 && is_folder(name) => 2,
            _ => with_dust(segment, at == 0, at == last),
        });
        left = segment;
    }
    sure
}

fn is_folder(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_name(*byte) || *byte == b'-')
}

/// `....`, `..;`, `.. `, `.?`, `<..`: dots, and what a decoder or a file system drops.
fn with_dust(segment: &[u8], is_first: bool, is_last: bool) -> u8 {
    let dots = segment.iter().filter(|byte| **byte == b'.').count();
    if dots == 0 {
        return 0;
    }
    let others = segment.len() - dots;
    let has_word = segment.iter().any(|byte| byte.is_ascii_alphanumeric());
    let is_dust = |byte: &u8| {
        matches!(
            byte,
            b'.' | b';' | b'?' | b'%' | b'*' | b'<' | b'>' | b'|' | 0x80..
        ) || is_blank(*byte)
    };
    match (dots, others, has_word) {
        (4.., 0, _) => u8::from(!is_first || !is_last),
        (1..=4, 1..=2, false) if !is_last && segment.iter().all(is_dust) => 1 + u8::from(dots == 2),
        _ => 0,
    }
}

/// Whether a filter that takes `../` out once leaves a path that goes up: `....//`, `..././`.
fn survives_filter(path: &[u8]) -> bool {
    if !crate::text::contains(path, b"../") {
        return false;
    }
    let mut left = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, behind)) = rest.split_first() {
        if rest.starts_with(b"../") {
            rest = from(rest, 3);
        } else {
            left.push(*byte);
            rest = behind;
        }
    }
    let mut segments = segments(&left).peekable();
    while let Some(segment) = segments.next() {
        if segment == b".." && segments.peek().is_some() {
            return true;
        }
    }
    false
}

/// Escapes that are none behind dots, again and again: `..%bg%qf`, of which old servers made some separator.
fn has_broken_escapes(path: &[u8]) -> bool {
    let is_broken = |window: &&[u8]| {
        matches!(window, [b'.', b'.', b'%', high, low]
            if high.is_ascii_alphanumeric() && low.is_ascii_alphanumeric()
                && !(high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
    };
    path.contains(&b'%') && path.windows(5).filter(is_broken).count() > 1
}
