//! Path traversal: segments that go up, files that only an attacker asks for, and addresses in place of files.

mod file;
mod up;

use crate::rule::Rule;
use crate::tally::{Finding, Tally};
use crate::text::{Words, contains, from, is_blank, is_name, starts_with};

pub(crate) use file::is_secret_name;

/// Addresses that a program opens where it expects the name of a file.
const SCHEMES: Words = Words::new(&[
    b"php://",
    b"file:",
    b"phar://",
    b"zip://",
    b"expect://",
    b"glob://",
    b"compress.zlib://",
    b"compress.bzip2://",
    b"zlib:",
    b"ogg://",
    b"rar://",
    b"ssh2.",
    b"jar:",
    b"netdoc:",
    b"gopher://",
    b"dict://",
    b"data://",
    b"data:text/plain",
    b"ldap://",
    b"tftp://",
    b"classpath:",
]);

/// Reads one view of a text as a path.
pub(crate) fn judge(text: &[u8], is_decoded: bool, work: &mut u64) -> Option<Finding> {
    let mut tally = Tally::default();
    let path: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
        .collect();
    *work += u64::try_from(text.len()).unwrap_or(u64::MAX);
    up::judge(&path, is_decoded, &mut tally);
    if !tally.is_decided() {
        file::judge(&path, text, &mut tally);
        schemes(&path, text, &mut tally);
        suffix(text, &mut tally);
    }
    tally.finding()
}

fn schemes(path: &[u8], text: &[u8], tally: &mut Tally) {
    let start = path.iter().take_while(|byte| is_blank(**byte)).count();
    let begins = from(path, start);
    if SCHEMES.at_start(begins).any(|scheme| begins.len() > scheme.len()) {
        let is_address = contains(begins, b":/") || !begins.contains(&b' ');
        tally.add(Rule::PathScheme, if is_address { 60 } else { 20 });
    }
    // A share of a machine elsewhere: two backslashes, a name with a dot, one more, a name. A name without a dot is
    // a neighbour's, which people store as an ordinary path.
    if let Some(share) = from(text, start).strip_prefix(b"\\\\") {
        let host = share
            .iter()
            .take_while(|byte| is_name(**byte) || matches!(byte, b'.' | b'-' | b'@'))
            .count();
        let folder = from(share, host);
        let is_far = share.get(..host).is_some_and(|host| host.contains(&b'.'));
        if is_far && matches!(folder, [b'\\', next, ..] if is_name(*next)) {
            tally.add(Rule::PathScheme, 50);
        }
    }
}

/// What hides how the name of a file really ends: `a.php\0.jpg`, and the names of NTFS's streams.
fn suffix(text: &[u8], tally: &mut Tally) {
    let streams = [&b":$data"[..], b":$index_allocation"];
    let is_stream = streams.iter().any(|stream| {
        let (file, end) = text
            .split_at_checked(text.len().saturating_sub(stream.len()))
            .unwrap_or_default();
        !file.is_empty() && end.eq_ignore_ascii_case(stream)
    });
    let is_cut = text.iter().rposition(|byte| *byte == 0).is_some_and(|end| {
        let (file, suffix) = text.split_at_checked(end).unwrap_or_default();
        let has_suffix = file.iter().rev().take(6).any(|byte| *byte == b'.');
        let is_suffix = suffix.len() == 1 && has_suffix
            || matches!(suffix, [0, b'.', letters @ ..]
            if matches!(letters.len(), 2..=5) && letters.iter().all(u8::is_ascii_alphanumeric));
        is_suffix && file.last().is_some_and(|byte| is_name(*byte))
    });
    if is_stream || is_cut {
        tally.add(Rule::PathDisguise, 60);
    }
}

/// Spellings that no writer and no program produces, seen in the text as it came: overlong UTF-8 behind per cent
/// signs. Latin-1 has letters there, but not two of them around a dot or a broken escape.
pub(crate) fn judge_spelling(text: &[u8], tally: &mut Tally) {
    if !text.contains(&b'%') {
        return;
    }
    let overlong = text
        .windows(4)
        .filter(|window| starts_with(window, b"%c0%") || starts_with(window, b"%c1%"))
        .count();
    let twice = text
        .windows(6)
        .filter(|window| starts_with(window, b"%25c0%") || starts_with(window, b"%25c1%"))
        .count();
    let long = [&b"%e0%80%"[..], b"%f0%80%80%", b"%f8%80%80%", b"%fc%80%80%"]
        .iter()
        .filter(|lead| contains(text, lead))
        .count();
    let nested = text
        .windows(4)
        .filter(|window| matches!(window, [b'%', b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
        .count();
    let dotted = text
        .windows(4)
        .filter(|window| starts_with(window, b"%c0.") || starts_with(window, b"%c1."))
        .count();
    if overlong + twice + dotted + nested + 2 * long >= 2 {
        tally.add(Rule::PathDisguise, 60);
    }
}
