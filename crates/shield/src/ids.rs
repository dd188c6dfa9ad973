//! Request ids: UUIDv7, with chance drawn in bulk.

use std::sync::{Mutex, PoisonError};

use uuid::{Builder, Uuid};
use watchroom_kit::Ambient;

/// Random bytes of one id.
const SHARE: usize = 10;
/// Ids per draw: asking the system for chance costs as much as all other checks together.
const PER_DRAW: usize = 128;

#[derive(Debug)]
pub(crate) struct RequestIds {
    ambient: Ambient,
    drawn: Mutex<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    bytes: [u8; SHARE * PER_DRAW],
    used: usize,
}

impl RequestIds {
    pub(crate) fn new(ambient: Ambient) -> Self {
        Self {
            ambient,
            drawn: Mutex::new(Drawn {
                bytes: [0; SHARE * PER_DRAW],
                used: SHARE * PER_DRAW,
            }),
        }
    }

    pub(crate) fn next(&self) -> Uuid {
        let millis = self.ambient.clock.now_micros() / 1_000;
        Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &self.share()).into_uuid()
    }

    fn share(&self) -> [u8; SHARE] {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.used >= drawn.bytes.len() {
            self.ambient.entropy.fill(&mut drawn.bytes);
            drawn.used = 0;
        }
        let at = drawn.used;
        drawn.used += SHARE;
        drawn
            .bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default()
    }
}
