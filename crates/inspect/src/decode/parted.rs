//! Words with comments or tags inside, `uni/**/on` and `aler<x>t`: no machine reads them, but a filter that drops what
//! is inside makes them whole.

use super::replace;
use crate::text::is_name;

/// How long such a comment is, at most.
const COMMENT: usize = 24;

/// And such a tag.
const TAG: usize = 8;

/// Drops comments that stand between two letters, and tags there or before a bracket.
pub(super) fn join(text: &[u8]) -> Option<Vec<u8>> {
    replace(
        text,
        |byte| matches!(byte, b'/' | b'<'),
        |rest, joined| {
            let is_inside = joined.last().is_some_and(|byte| is_name(*byte));
            let (length, is_tag) = match rest.first() {
                Some(b'<') => (tag(rest), true),
                _ => (comment(rest), false),
            };
            let goes_on = rest
                .get(length)
                .is_some_and(|byte| is_name(*byte) || is_tag && *byte == b'(');
            if is_inside && goes_on { length } else { 0 }
        },
    )
}

/// How long the comment is that a text begins with.
fn comment(rest: &[u8]) -> usize {
    let Some(body) = rest.strip_prefix(b"/*") else {
        return 0;
    };
    let end = body.windows(2).take(COMMENT).position(|pair| pair == b"*/");
    end.map_or(0, |end| end + 4)
}

/// How long the tag is, if it is no more than a name.
fn tag(rest: &[u8]) -> usize {
    let name = rest
        .iter()
        .skip(1)
        .take(TAG)
        .take_while(|byte| is_name(**byte))
        .count();
    let is_tag = name > 0 && rest.get(name + 1) == Some(&b'>');
    if is_tag { name + 2 } else { 0 }
}
