//! The surroundings a part of the house is given: time, chance and a place to run tasks.

use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::clock::from_micros;
use crate::{Clock, Entropy, Tasks};

/// Time, chance and tasks, passed in together. Cloning is cheap and shares all three.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// Where the time comes from.
    pub clock: Clock,
    /// Where chance comes from.
    pub entropy: Entropy,
    /// Where background work runs and is stopped.
    pub tasks: Tasks,
}

impl Ambient {
    /// The real thing: system clock, operating-system entropy, a fresh task group.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Clock::system(),
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        }
    }

    /// Now, in UTC, cut to whole microseconds so that it survives a round trip through storage.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// A fresh UUIDv7 (RFC 9562): ordered by time, unguessable in its random half.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid_of(self.clock.now_micros())
    }

    /// Now, and a fresh id of just then: one look at the clock for both.
    #[must_use]
    pub fn moment(&self) -> (OffsetDateTime, Uuid) {
        let micros = self.clock.now_micros();
        (from_micros(micros), self.uuid_of(micros))
    }

    fn uuid_of(&self, micros: i64) -> Uuid {
        let millis = u64::try_from(micros / 1_000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.entropy.for_id()).into_uuid()
    }
}
