//! What a Host makes for itself by the cluster's CAs (its leaves, the key of orders), made anew before it ends and whenever
//! the CAs have changed; what there is goes on meanwhile.

use std::sync::Arc;

use arc_swap::ArcSwap;
use time::{Duration, OffsetDateTime};
use watchroom_kit::Ambient;

use crate::ClusterCa;
use crate::generations::Generations;

/// How soon it is tried again where none could be made: the key of a CA may be in a security module that is away.
const AGAIN_AFTER: Duration = Duration::minutes(1);

/// How one is made: it, and when it ends.
pub(crate) type Make<T, E> = fn(&ClusterCa, &Generations, &Ambient) -> Result<(T, OffsetDateTime), E>;

/// The present one, and how the next is made.
pub(crate) struct Rolling<T, E> {
    ca: Arc<ClusterCa>,
    ambient: Ambient,
    make: Make<T, E>,
    present: ArcSwap<Present<T>>,
}

struct Present<T> {
    value: Arc<T>,
    ends_at: OffsetDateTime,
    /// The CAs as they were when another one was made, or tried to be.
    generations: Arc<Generations>,
    /// When the next is made.
    due_at: OffsetDateTime,
}

impl<T, E: std::fmt::Display> Rolling<T, E> {
    /// Makes the first.
    pub(crate) fn new(ca: Arc<ClusterCa>, ambient: &Ambient, make: Make<T, E>) -> Result<Self, E> {
        let present = made(&ca, ambient, make)?;
        Ok(Self {
            ca,
            ambient: ambient.clone(),
            make,
            present: ArcSwap::from_pointee(present),
        })
    }

    /// The present one; another, if that is due and can be made.
    ///
    /// # Errors
    /// Why none can be made, once the last has ended.
    pub(crate) fn current(&self) -> Result<Arc<T>, E> {
        let held = self.present.load();
        let now = self.ambient.now();
        let generations = self.ca.generations();
        if Arc::ptr_eq(&held.generations, &generations) && now < held.due_at {
            return Ok(Arc::clone(&held.value));
        }
        let next = match made(&self.ca, &self.ambient, self.make) {
            Ok(next) => next,
            Err(error) if now < held.ends_at => {
                tracing::warn!(%error, until = %held.ends_at, "another certificate of this Host's own could not be made yet; the present one goes on");
                Present {
                    value: Arc::clone(&held.value),
                    ends_at: held.ends_at,
                    generations,
                    due_at: held.ends_at.min(now + AGAIN_AFTER),
                }
            }
            Err(error) => return Err(error),
        };
        let value = Arc::clone(&next.value);
        self.present.store(Arc::new(next));
        Ok(value)
    }

    /// The last one that could be made, even if it has ended.
    pub(crate) fn last(&self) -> Arc<T> {
        Arc::clone(&self.present.load().value)
    }
}

fn made<T, E>(ca: &ClusterCa, ambient: &Ambient, make: Make<T, E>) -> Result<Present<T>, E> {
    let (generations, now) = (ca.generations(), ambient.now());
    let (value, ends_at) = make(ca, &generations, ambient)?;
    Ok(Present {
        value: Arc::new(value),
        ends_at,
        generations,
        due_at: now + (ends_at - now) * 2 / 3,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use watchroom_kit::{Clock, Entropy, Tasks};

    use super::*;
    use crate::ClusterSecret;

    const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    /// Fails where the second is odd, as a module does that is away; what it makes ends after a day.
    fn make(
        _: &ClusterCa,
        _: &Generations,
        ambient: &Ambient,
    ) -> Result<(OffsetDateTime, OffsetDateTime), &'static str> {
        let now = ambient.now();
        match now.second() % 2 {
            0 => Ok((now, now + Duration::DAY)),
            _ => Err("the module is away"),
        }
    }

    struct Room {
        clock: Clock,
        rolling: Rolling<OffsetDateTime, &'static str>,
    }

    impl Room {
        fn new() -> Self {
            let clock = Clock::manual(START);
            let ambient = Ambient {
                clock: clock.clone(),
                entropy: Entropy::system(),
                tasks: Tasks::new(),
            };
            let secret = ClusterSecret::by_chance(&ambient.entropy);
            let ca = Arc::new(ClusterCa::found(secret, &ambient).unwrap());
            let rolling = Rolling::new(ca, &ambient, make).unwrap();
            Self { clock, rolling }
        }

        /// When the one was made that is in use at this time after the start.
        fn made_at(&self, after: Duration) -> Result<Duration, &'static str> {
            let ahead = START + after - self.clock.now();
            self.clock.advance(ahead.unsigned_abs());
            Ok(*self.rolling.current()? - START)
        }
    }

    #[test]
    fn one_lasts_for_two_thirds_of_its_life() {
        let room = Room::new();
        let (before, after) = (Duration::seconds(57_598), Duration::seconds(57_600));
        assert_eq!(room.made_at(before), Ok(Duration::ZERO));
        assert_eq!(room.made_at(after), Ok(after));
        assert_eq!(room.made_at(after + Duration::HOUR), Ok(after));
    }

    #[test]
    fn while_no_other_can_be_made_it_goes_on_to_its_end_and_is_tried_anew_now_and_then() {
        let room = Room::new();
        let late = Duration::hours(20);
        let away = |at: Duration| at + Duration::SECOND;
        assert_eq!(room.made_at(away(late)), Ok(Duration::ZERO));
        // Tried a moment ago: not again, though it could be made by now.
        assert_eq!(room.made_at(late + Duration::seconds(2)), Ok(Duration::ZERO));
        assert_eq!(room.made_at(away(Duration::hours(23))), Ok(Duration::ZERO));
        assert_eq!(room.made_at(away(Duration::DAY)), Err("the module is away"));
        assert_eq!(*room.rolling.last(), START);
        assert_eq!(room.made_at(Duration::hours(25)), Ok(Duration::hours(25)));
    }

    #[test]
    fn after_a_rotation_another_is_made_at_once() {
        let room = Room::new();
        let ca = &room.rolling.ca;
        let mut all = ca.sealed();
        let next = ca.successor(&room.rolling.ambient).unwrap();
        all.push(next);
        ca.adopt(&all).unwrap();
        assert_eq!(room.made_at(Duration::seconds(2)), Ok(Duration::seconds(2)));
        assert_eq!(room.made_at(Duration::seconds(4)), Ok(Duration::seconds(2)));
    }
}
