//! Quotes in a row, as they are left when a text has been put into quotes several times.

use super::replace;
use crate::text::is_name;

/// How many quotes in a row are one wherever they stand: two are an empty text.
const ROW: usize = 3;

/// From this many on they are a line that somebody has drawn.
const LINE: usize = 9;

/// Makes one quote of several, and of two that touch a name if there are more such.
pub(super) fn fold(text: &[u8]) -> Option<Vec<u8>> {
    let is_pair = |pair: &&[u8]| matches!(pair, [b'\'', b'\''] | [b'"', b'"']);
    let has_pairs = text.windows(2).filter(is_pair).take(2).count() == 2;
    if !has_pairs {
        return None;
    }
    replace(text, |byte| matches!(byte, b'\'' | b'"'), row)
}

fn row(rest: &[u8], folded: &mut Vec<u8>) -> usize {
    let Some(quote) = rest.first() else {
        return 0;
    };
    let length = rest.iter().take(LINE).take_while(|byte| *byte == quote).count();
    let is_row = (ROW..LINE).contains(&length) && folded.last() != Some(quote);
    let touches = |byte: Option<&u8>| byte.is_some_and(|byte| is_name(*byte));
    let is_pair = length == 2 && (touches(folded.last()) != touches(rest.get(2)));
    if !is_row && !is_pair {
        return 0;
    }
    folded.push(*quote);
    length
}
