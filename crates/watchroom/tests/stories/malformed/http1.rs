//! Malformed HTTP/1: request lines, header fields and framing that no client should send.

use super::Target;
use super::chance::Chance;
use super::tally::Tally;
use super::wire;

const METHODS: &[&str] = &[
    "GET",
    "POST",
    "HEAD",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "PRI",
    "get",
    "G\x01T",
    "",
    "GET GET",
    "\u{feff}GET",
];
const TARGETS: &[&str] = &[
    "/",
    "/api/nodes",
    "/login",
    "*",
    "//",
    "/../..",
    "/%",
    "/%zz",
    "/%00",
    "/%c0%ae%c0%ae/",
    "/a b",
    "/\0",
    "http://",
    "https://localhost:0/",
    "http://[::1",
    "localhost:443",
    "/?%",
    "/api/servers?cursor=%ff",
    "/api/nodes/%F0%9F",
    "?",
    "#",
    "/\u{202e}",
    "/assets/../../etc/passwd",
    "/assets/%2e%2e/x",
];
const VERSIONS: &[&str] = &[
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/0.9",
    "HTTP/2.0",
    "HTTP/1.10",
    "HTTP/9.9",
    "HTTP",
    "http/1.1",
    "HTTP/1.1 x",
    "",
];
const FIELDS: &[&str] = &[
    "content-length: -1",
    "content-length: +5",
    "content-length: 5, 5",
    "content-length: 5, 6",
    "content-length: 99999999999999999999",
    "content-length: 0x5",
    "content-length:",
    "content-length : 5",
    "content-length: 5\r\ncontent-length: 6",
    "transfer-encoding: chunked",
    "transfer-encoding: identity",
    "transfer-encoding: chunked, chunked",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: xchunked",
    "transfer-encoding:\x0bchunked",
    "transfer-encoding: chunked\r\ncontent-length: 4",
    "Transfer-Encoding : chunked",
    " folded: x",
    "x: a\r\n b",
    "x",
    ": x",
    "x\x01: y",
    "x: \x01",
    "x: \0",
    "host: ",
    "host: a\r\nhost: b",
    "host: [",
    "host: localhost:99999",
    "host: localhost@evil",
    "host: \u{e9}",
    "connection: close, keep-alive",
    "connection: host",
    "expect: 100-continue",
    "expect: 200-ok",
    "upgrade: websocket\r\nconnection: upgrade",
    "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk",
    "trailer: host",
    "x-forwarded-for: ,,,",
    "x-forwarded-for: 999.1.1.1",
    "x-forwarded-for: [::1%eth0]:x",
    "forwarded: for=\"",
    "forwarded: for=\"[::1\";;;=",
    "x-forwarded-host: a, b, c",
    "x-forwarded-proto: https,http",
    "accept: */*;q=9",
    "accept-language: \u{e9};q=x",
    "range: bytes=9-1,-,",
    "if-none-match: \"",
    "if-modified-since: yesterday",
    "content-type: ;;=",
    "content-encoding: gzip",
    "last-event-id: -9",
    "sec-fetch-site: \u{1}",
    "te: trailers\u{7f}",
];
const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n0\r\n\r\n",
    "-1\r\nx\r\n",
    "FFFFFFFFFFFFFFFFF\r\nx\r\n",
    "0x5\r\nhello\r\n",
    "5;\r\nhello\r\n0\r\n",
    "5\nhello\n0\n\n",
    "5\r\nhel",
    "\r\n",
    "g\r\n",
    "0\r\nhost: x\r\ncontent-length: 5\r\n\r\n",
    "00000000000000000005\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
];
const ENDS: &[&str] = &["\r\n\r\n", "\n\n", "\r\r", "\r\n", "\n\r\n", ""];
/// What comes before anything else on connections of others.
const PREFACES: &[&str] = &[
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "\r\n\x0d\n\0\r\nQUIT\n\x21\x11\x00\x0c",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\r\n\r\n\r\n",
    "SSH-2.0-x\r\n",
    "HELO x\r\n",
    "\x05\x01\x00",
];

/// One connection each: to the panel as by a proxy that ended TLS, to the node's page, to the operations.
pub fn send(target: &Target, chance: &mut Chance, tally: &mut Tally) {
    let input = input(&target.panel, chance);
    let heard = match chance.below(8) {
        0 => wire::converse(&target.node_page, &input),
        1 => wire::converse(&target.ops, &input),
        2 => wire::converse(&target.panel, &input),
        _ => wire::converse_from_proxy(&target.panel, &input),
    };
    tally.heard(&heard, &input);
}

fn input(authority: &str, chance: &mut Chance) -> Vec<u8> {
    let mut text = Vec::new();
    if chance.is_one_in(30) {
        text.extend_from_slice(chance.pick(PREFACES).as_bytes());
    }
    let line = [chance.pick(METHODS), chance.pick(TARGETS), chance.pick(VERSIONS)];
    text.extend_from_slice(line.join(" ").as_bytes());
    if !chance.is_one_in(8) {
        text.extend_from_slice(format!("\r\nhost: {authority}\r\nx-forwarded-proto: https").as_bytes());
    }
    for _ in 0..chance.below(5) {
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(chance.pick(FIELDS).as_bytes());
    }
    if chance.is_one_in(40) {
        let (many, long) = (chance.many(3_000), chance.many(200));
        text.extend_from_slice(format!("\r\nx: {}", "y".repeat(long)).repeat(many).as_bytes());
    }
    let end = if chance.is_one_in(4) {
        chance.pick(ENDS)
    } else {
        "\r\n\r\n"
    };
    text.extend_from_slice(end.as_bytes());
    if chance.is_one_in(2) {
        text.extend_from_slice(chance.pick(CHUNKS).as_bytes());
    }
    if chance.is_one_in(3) {
        chance.damaged(&text)
    } else {
        text
    }
}
