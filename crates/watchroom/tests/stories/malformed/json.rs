//! Malformed JSON, at every route that takes JSON.

use super::Target;
use super::asked::request;
use super::chance::Chance;

/// What routes take when it is right.
const RIGHT: &[&str] = &[
    r#"{"name":"web","command":["/bin/true","x"],"env":{"A":"x"},"stop":{"line":"x","patience_s":5},"labels":{"a":"x"},"restart_policy":"never"}"#,
    r#"{"name":"vera","role":"viewer","password":"correct Horse 7 battery","display_name":"x","email":"x@example.org","call_sign":"X1X"}"#,
    r#"{"name":"ci","permissions":["compute:read"],"networks":["10.0.0.0/8"],"expires_at":"2027-01-01T00:00:00Z"}"#,
    r#"{"network":"2001:db8::/48","reason":"x","until":"2027-01-01T00:00:00Z","kind":"everything"}"#,
    r#"{"name":"buoy","version":"0.1.0","port":0,"server_count":0,"load":0.5,"memory":{"used_bytes":1,"total_bytes":2},"disk":{"used_bytes":1,"total_bytes":2},"clock":"2026-01-01T00:00:00Z"}"#,
    r#"{"line":"hello"}"#,
    r#"{"words_match":true,"reason":"x","confirm_name":"x","password":"x"}"#,
    r#"{"csp-report":{"document-uri":"https://x/","violated-directive":"script-src","blocked-uri":"inline","line-number":1}}"#,
];
/// Values where others are meant.
const ODD: &[&str] = &[
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "NaN",
    "Infinity",
    "0123",
    "1.",
    ".5",
    "+1",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"\\x41\"",
    "\"",
    "[]",
    "{}",
    "[[]]",
    "{\"a\":{}}",
    "''",
    "18446744073709551616",
    "-9223372036854775809",
    "\"\u{202e}\"",
    "\"\u{feff}\"",
    "\"\t\"",
    "undefined",
    "/**/1",
    "\"a\" \"b\"",
    "{\"a\":1,\"a\":2}",
    "[1,]",
    "{,}",
];

/// A post with a token, whose JSON is malformed in one way or another.
pub fn json(target: &Target, chance: &mut Chance) -> Vec<u8> {
    let right = chance.pick(RIGHT);
    let body = match chance.below(8) {
        0 => deep(chance),
        1 | 2 => with_odd_value(right, chance),
        3 => [b"\xef\xbb\xbf", right.as_bytes()].concat(),
        4 => right.replacen(':', ":\"x\",\"name\":", 1).into_bytes(),
        _ => chance.damaged(right.as_bytes()),
    };
    let (method, path) = target.route_with_body(chance);
    let fields = format!("authorization: Bearer {}\r\n", target.token());
    let kind = chance.pick(&[
        "application/json",
        "application/json",
        "application/json; charset=latin1",
        "application/csp-report",
    ]);
    request(
        target,
        &format!("{method} {path}"),
        fields.as_bytes(),
        kind,
        &body,
    )
}

fn deep(chance: &mut Chance) -> Vec<u8> {
    let many = chance.many(200_000);
    let open = chance.pick(&["[", "{\"a\":", "[{\"name\":[", "{\"env\":{\"A\":"]);
    open.repeat(many).into_bytes()
}

/// One value of a document replaced by one that nobody means.
fn with_odd_value(right: &str, chance: &mut Chance) -> Vec<u8> {
    let colons: Vec<usize> = right.match_indices(':').map(|(at, _)| at + 1).collect();
    let at = colons[chance.below(colons.len())];
    let rest = right[at..].find([',', '}']).map_or(right.len(), |end| at + end);
    format!("{}{}{}", &right[..at], chance.pick(ODD), &right[rest..]).into_bytes()
}
