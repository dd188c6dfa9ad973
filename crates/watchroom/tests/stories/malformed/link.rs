//! Malformed gRPC: a node that has joined, proves itself, and then says what no node would.
//!
//! On a link the Host is the client, so the node answers calls: the hello, the verdict, and three streams.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use super::Target;
use super::chance::Chance;
use super::frames::{self, DATA, HEADERS, OUR_SETTINGS, SETTINGS, field, frame};
use super::tally::Tally;
use super::wire::{self, is_nothing_yet};
use crate::visitor::Wire;

/// What the Host begins with.
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// The Host calls these one after the other, and then all of its streams.
const HELLO: u32 = 1;
const SETTLE: u32 = 3;
const STREAMS: [u32; 3] = [5, 7, 9];
/// Rounds of a moment in which a call must come.
const ROUNDS: usize = 200;
const HEARTBEAT: &str = r#"{"name":"buoy","version":"0.1.0","port":0,"server_count":0,"load":0.5,"memory":{"used_bytes":1,"total_bytes":2},"disk":{"used_bytes":1,"total_bytes":2},"clock":"2026-01-01T00:00:00Z"}"#;
const REPORTS: &str =
    r#"[{"id":"0198c0de-0000-7000-8000-000000000000","status":"running","pid":1,"restarts":0}]"#;

/// One link each, with one to four malformed answers.
pub fn send(target: &Target, chance: &mut Chance, tally: &mut Tally) {
    let name = target.host_name.as_str();
    let mut node = Node {
        wire: wire::dial_tls(&target.panel, &target.link, name).unwrap(),
        heard: Vec::new(),
        is_greeted: false,
    };
    // The Host may hang up at any point; what was sent until then was looked at.
    let _hung_up = node.misbehave(target, chance, tally);
    node.wire.conn.send_close_notify();
    let _sent = node.wire.conn.write_tls(&mut node.wire.sock);
    wire::hear_out(&mut node.wire.sock);
}

struct Node {
    wire: Wire,
    heard: Vec<u8>,
    is_greeted: bool,
}

impl Node {
    fn misbehave(&mut self, target: &Target, chance: &mut Chance, tally: &mut Tally) -> std::io::Result<()> {
        if chance.is_one_in(8) {
            tally.inputs += 1;
            return self.say(&chance.bytes(200));
        }
        self.say(&frame(SETTINGS, 0, 0, OUR_SETTINGS))?;
        self.until_called(HELLO)?;
        let hello = introduction(target);
        match chance.below(4) {
            0 => {
                tally.inputs += 1;
                return self.say(&frames::malformed(chance, HELLO, "node"));
            }
            1 => {
                tally.inputs += 1;
                return self.say(&answer(HELLO, &chance.damaged(&message(&hello)), chance));
            }
            2 => {
                tally.inputs += 1;
                return self.say(&answer(HELLO, &message(&chance.damaged(&hello)), chance));
            }
            _ => self.say(&right(HELLO, &message(&hello)))?,
        }
        self.until_called(SETTLE)?;
        self.say(&right(SETTLE, &message(b"")))?;
        self.until_called(STREAMS[2])?;
        for stream in STREAMS {
            tally.inputs += 1;
            self.say(&answer(stream, &said_on_a_stream(chance), chance))?;
        }
        tally.inputs += 1;
        self.say(&frames::malformed(chance, STREAMS[1], "node"))?;
        // Heard once more, so that it was looked at before the connection ends.
        self.until_called(u32::MAX)
    }

    fn say(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.wire.write_all(bytes)?;
        self.wire.flush()
    }

    /// Reads until the Host has opened this stream, or for a moment if it never will.
    fn until_called(&mut self, stream: u32) -> std::io::Result<()> {
        let mut piece = [0; 4096];
        let rounds = if stream == u32::MAX { 1 } else { ROUNDS };
        for _ in 0..rounds {
            match self.wire.read(&mut piece) {
                Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.heard.extend_from_slice(&piece[..count]),
                Err(error) if is_nothing_yet(&error) => {}
                Err(error) => return Err(error),
            }
            if !self.is_greeted && self.heard.len() >= PREFACE {
                self.heard.drain(..PREFACE);
                self.is_greeted = true;
            }
            while let Some((kind, _, called, _, length)) =
                frames::first(&self.heard).filter(|_| self.is_greeted)
            {
                self.heard.drain(..length);
                if kind == HEADERS && called >= stream {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What a node says of itself, as protocol buffers, with an epoch that is later than all before.
fn introduction(target: &Target) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut bytes = text(1, env!("CARGO_PKG_VERSION").as_bytes());
    bytes.extend(text(2, b"buoy"));
    bytes.extend(number(3, target.epoch.fetch_add(1, Ordering::Relaxed)));
    bytes.extend(number(5, u64::try_from(now.as_micros()).unwrap()));
    bytes.extend(text(6, &[7; 16]));
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn number(name: u8, value: u64) -> Vec<u8> {
    [vec![name << 3], varint(value)].concat()
}

fn text(name: u8, value: &[u8]) -> Vec<u8> {
    [vec![name << 3 | 2], varint(value.len() as u64), value.to_vec()].concat()
}

/// A message with gRPC's own frame.
fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), bytes].concat()
}

/// A message that one of the three streams might carry, and is wrong in itself or on the stream it comes on.
fn said_on_a_stream(chance: &mut Chance) -> Vec<u8> {
    let heartbeat = text(1, &chance.damaged(HEARTBEAT.as_bytes()));
    let reports = [number(1, 1), text(2, &chance.damaged(REPORTS.as_bytes()))].concat();
    let wish = text(1, &chance.bytes(300));
    let right = match chance.below(4) {
        0 => heartbeat,
        1 => reports,
        2 => wish,
        _ => text(1, &b"[".repeat(chance.many(100_000))),
    };
    let mut whole = message(&if chance.is_one_in(3) {
        chance.damaged(&right)
    } else {
        right
    });
    match chance.below(8) {
        0 => whole[0] = chance.byte(),
        1 => whole[1] = chance.byte(),
        _ => {}
    }
    whole.truncate(16_384);
    whole
}

fn begun(stream: u32, kind: &str) -> Vec<u8> {
    let fields = [vec![0x88], field("content-type", kind)].concat();
    frame(HEADERS, 4, stream, &fields)
}

fn right(stream: u32, message: &[u8]) -> Vec<u8> {
    let end = frame(HEADERS, 5, stream, &field("grpc-status", "0"));
    [
        begun(stream, "application/grpc"),
        frame(DATA, 0, stream, message),
        end,
    ]
    .concat()
}

/// An answer whose message is wrong, and sometimes what is around it.
fn answer(stream: u32, message: &[u8], chance: &mut Chance) -> Vec<u8> {
    let kind = chance.pick(&[
        "application/grpc",
        "application/grpc",
        "application/grpc",
        "text/html",
        "",
    ]);
    let message = &message[..message.len().min(16_384)];
    let mut bytes = [begun(stream, kind), frame(DATA, 0, stream, message)].concat();
    let status = chance.pick(&["0", "0", "13", "-1", "999", "x", ""]);
    let end = [
        field("grpc-status", status),
        field("grpc-message", "%zz%ff\u{1}"),
        field("watchroom-refusal", "x"),
    ];
    match chance.below(4) {
        0 => {}
        1 => bytes.extend(frame(DATA, 1, stream, &[])),
        _ => bytes.extend(frame(HEADERS, 5, stream, &end.concat())),
    }
    bytes
}
