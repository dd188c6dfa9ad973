//! Words with comments inside, `uni/**/on`: no database reads them, but a filter that drops comments makes them whole.

use super::replace;
use crate::text::is_name;

/// How long such a comment is, at most.
const COMMENT: usize = 24;

/// Drops comments that stand between two letters.
pub(super) fn join(text: &[u8]) -> Option<Vec<u8>> {
    replace(text, |byte| byte == b'/', |rest, joined| comment(rest, joined))
}

fn comment(rest: &[u8], joined: &mut [u8]) -> usize {
    let Some(body) = rest.strip_prefix(b"/*") else {
        return 0;
    };
    let end = body.windows(2).take(COMMENT).position(|pair| pair == b"*/");
    let Some(length) = end.map(|end| end + 4) else {
        return 0;
    };
    let is_inside = joined.last().is_some_and(|byte| is_name(*byte))
        && rest.get(length).is_some_and(|byte| is_name(*byte));
    if is_inside { length } else { 0 }
}
