//! Malformed HTTP/2 from a client, over TLS.

use std::io::{Read, Write};

use super::Target;
use super::chance::Chance;
use super::frames::{self, GOAWAY, HEADERS, OUR_SETTINGS, PING, SETTINGS};
use super::tally::Tally;
use super::wire::{self, is_nothing_yet};
use crate::visitor::Wire;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// After each input it is asked whether the connection lives; the answer also says that the input was looked at.
const ASKED: &[u8; 8] = b"lives it";
/// Rounds of a moment in which there is an answer, or the input was only a part of something.
const ROUNDS: usize = 4;

/// A connection that is used until somebody ends it.
#[derive(Default)]
pub struct Http2 {
    open: Option<Wire>,
    heard: Vec<u8>,
    stream: u32,
}

impl Http2 {
    pub fn send(&mut self, target: &Target, chance: &mut Chance, tally: &mut Tally) {
        let mut wire = self.open.take().unwrap_or_else(|| {
            self.heard.clear();
            self.stream = 1;
            let mut wire = wire::dial_tls(&target.panel, &target.h2, "localhost").unwrap();
            wire.write_all(PREFACE).unwrap();
            wire.write_all(&frames::frame(SETTINGS, 0, 0, OUR_SETTINGS))
                .unwrap();
            wire
        });
        let mut input = frames::malformed(chance, self.stream, &target.panel);
        self.stream += 200;
        tally.inputs += 1;
        input.extend_from_slice(&frames::frame(PING, 0, 0, ASKED));
        let sent = wire.write_all(&input).and_then(|()| wire.flush());
        if sent.is_ok() && self.hear(&mut wire, &input, tally) {
            self.open = Some(wire);
            return;
        }
        wire.conn.send_close_notify();
        // The other end may be gone already.
        let _sent = wire.conn.write_tls(&mut wire.sock);
        wire::hear_out(&mut wire.sock);
    }

    /// Reads until the connection is known to live, and says whether it does.
    fn hear(&mut self, wire: &mut Wire, input: &[u8], tally: &mut Tally) -> bool {
        let mut piece = [0; 16 * 1024];
        let mut rounds = 0;
        while rounds < ROUNDS {
            match wire.read(&mut piece) {
                Ok(0) => return false,
                Ok(count) => self.heard.extend_from_slice(&piece[..count]),
                Err(error) if is_nothing_yet(&error) => rounds += 1,
                Err(_) => return false,
            }
            let mut taken = 0;
            let mut lives = None;
            while let Some((kind, flags, _, payload, length)) = frames::first(&self.heard[taken..]) {
                taken += length;
                match kind {
                    HEADERS => {
                        let status = frames::status(payload).unwrap();
                        tally.status(status, status == 503, input, "(over HTTP/2)");
                    }
                    PING if flags & 1 != 0 && payload == ASKED => lives = Some(true),
                    GOAWAY => lives = Some(false),
                    _ => {}
                }
            }
            self.heard.drain(..taken);
            if let Some(lives) = lives {
                return lives;
            }
        }
        false
    }
}
