//! Malformed WebSockets: handshakes that are nearly right, and frames that no client should send.

use super::Target;
use super::chance::Chance;
use super::tally::Tally;
use super::wire;

const FIELDS: &[(&str, &str)] = &[
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "watchroom.v1"),
];
const ODD: &[(&str, &str)] = &[
    ("upgrade", "websocket, h2c"),
    ("connection", "keep-alive, Upgrade"),
    ("sec-websocket-version", "8"),
    ("sec-websocket-version", "13, 13"),
    ("sec-websocket-key", "short"),
    ("sec-websocket-key", ""),
    ("sec-websocket-protocol", ","),
    ("sec-websocket-protocol", "watchroom.v1, bearer.wr_pat_x"),
    (
        "sec-websocket-extensions",
        "permessage-deflate; client_max_window_bits=99",
    ),
    ("origin", "https://evil.example"),
    ("content-length", "5"),
    ("transfer-encoding", "chunked"),
];
/// Opcodes of text and binary, of what goes on, of close, ping and pong, and of nothing; whole, in part, or compressed.
const FIRSTS: &[u8] = &[
    0x81, 0x81, 0x81, 0x82, 0x80, 0x00, 0x01, 0x02, 0x88, 0x89, 0x8a, 0x08, 0x09, 0x83, 0x8b, 0x8f, 0xc1,
    0xa1, 0x91, 0x41,
];
const SAID: &[&str] = &[
    r#"{"do":"subscribe","topics":["server","node","audit"]}"#,
    r#"{"do":"subscribe","topics":["server"],"after":"-"}"#,
    r#"{"do":"subscribe","topics":["server:\u0000","node:0198c0de-0000-7000-8000-000000000000"]}"#,
    r#"{"do":"unsubscribe","topics":[]}"#,
    r#"{"do":"publish","topics":["server"]}"#,
    r#"{"do":"subscribe","topics":[[[[[["#,
    "{}",
    "",
];

/// A connection each, as by a proxy that ended TLS.
pub fn send(target: &Target, chance: &mut Chance, tally: &mut Tally) {
    let mut input = handshake(target, chance);
    for _ in 0..chance.many(40) {
        input.extend(frame(chance));
    }
    let heard = wire::converse_from_proxy(&target.panel, &input);
    tally.heard(&heard, &input);
}

fn handshake(target: &Target, chance: &mut Chance) -> Vec<u8> {
    let mut fields = FIELDS.to_vec();
    if chance.is_one_in(3) {
        let odd = ODD[chance.below(ODD.len())];
        match chance.below(3) {
            0 => fields.push(odd),
            1 => drop(fields.remove(chance.below(fields.len()))),
            _ => {
                fields.retain(|(name, _)| *name != odd.0);
                fields.push(odd);
            }
        }
    }
    let mut text = format!(
        "GET /api/ws HTTP/1.1\r\nhost: {}\r\nx-forwarded-proto: https\r\n",
        target.panel
    );
    if !chance.is_one_in(4) {
        text += &format!("authorization: Bearer {}\r\n", target.token());
    }
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

/// A frame, of which anything may be wrong.
fn frame(chance: &mut Chance) -> Vec<u8> {
    let payload = match chance.below(4) {
        0 => chance.bytes(130),
        1 => {
            let said = chance.pick(SAID);
            chance.damaged(said.as_bytes())
        }
        _ => chance.pick(SAID).as_bytes().to_vec(),
    };
    let first = if chance.is_one_in(8) {
        chance.byte()
    } else {
        FIRSTS[chance.below(FIRSTS.len())]
    };
    let mask = if chance.is_one_in(8) { 0 } else { 0x80 };
    let length = payload.len();
    let mut bytes = vec![first];
    match chance.below(12) {
        0 => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&chance.bytes(9));
        }
        1 => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&[chance.byte(), chance.byte()]);
        }
        _ if length < 126 => bytes.push(mask | u8::try_from(length).unwrap()),
        _ => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    if mask > 0 {
        bytes.extend_from_slice(&[0; 4]);
    }
    bytes.extend_from_slice(&payload);
    bytes
}
