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

/// How one is made.
pub(crate) type Make<T, E> = fn(&ClusterCa, &Generations, &Ambient) -> Result<Made<T>, E>;

/// One that was made.
pub(crate) struct Made<T> {
    pub(crate) value: T,
    pub(crate) ends_at: OffsetDateTime,
    /// Whether all CAs that are trusted had their part in it.
    pub(crate) is_whole: bool,
}

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

impl<T> Present<T> {
    fn is_due(&self, now: OffsetDateTime, generations: &Arc<Generations>) -> bool {
        !Arc::ptr_eq(&self.generations, generations) || now >= self.due_at
    }

    /// The same, until it is tried again.
    fn on(&self, now: OffsetDateTime, generations: Arc<Generations>) -> Self {
        Self {
            value: Arc::clone(&self.value),
            ends_at: self.ends_at,
            generations,
            due_at: now + AGAIN_AFTER,
        }
    }
}

impl<T, E: std::fmt::Display> Rolling<T, E> {
    /// Makes the first.
    pub(crate) fn new(ca: Arc<ClusterCa>, ambient: &Ambient, make: Make<T, E>) -> Result<Self, E> {
        let (generations, now) = (ca.generations(), ambient.now());
        let first = make(&ca, &generations, ambient)?;
        Ok(Self {
            ca,
            ambient: ambient.clone(),
            make,
            present: ArcSwap::from_pointee(present(first, now, generations)),
        })
    }

    /// The present one; another, if that is due and can be made.
    ///
    /// # Errors
    /// Why none can be made, once the last has ended.
    pub(crate) fn current(&self) -> Result<Arc<T>, E> {
        let held = self.present.load_full();
        let (generations, now) = (self.ca.generations(), self.ambient.now());
        if now < held.ends_at && !held.is_due(now, &generations) {
            return Ok(Arc::clone(&held.value));
        }
        self.replace(&held, now, generations)
    }

    /// The present one at once, even if it has ended: for whoever must not wait. Where a module takes part in the next, that is
    /// made beside, a minute after the last try at the earliest.
    pub(crate) fn at_hand(self: &Arc<Self>) -> Arc<T>
    where
        T: Send + Sync + 'static,
        E: 'static,
    {
        let held = self.present.load_full();
        let (generations, now) = (self.ca.generations(), self.ambient.now());
        if !held.is_due(now, &generations) {
            return Arc::clone(&held.value);
        }
        if !generations.wait_for_a_module() {
            let next = self.replace(&held, now, generations);
            return next.unwrap_or_else(|_| Arc::clone(&held.value));
        }
        let on = Arc::new(held.on(now, Arc::clone(&generations)));
        let before = self.present.compare_and_swap(&held, on);
        if Arc::ptr_eq(&before, &held) {
            self.make_beside(Arc::clone(&held), now, generations);
        }
        Arc::clone(&held.value)
    }

    fn make_beside(
        self: &Arc<Self>,
        held: Arc<Present<T>>,
        now: OffsetDateTime,
        generations: Arc<Generations>,
    ) where
        T: Send + Sync + 'static,
        E: 'static,
    {
        let this = Arc::clone(self);
        let thread = std::thread::Builder::new().name("certificate".to_owned());
        let started = thread.spawn(move || {
            if let Err(error) = this.replace(&held, now, generations) {
                tracing::error!(%error, "the last certificate of this Host's own has ended, and no other can be made");
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "there is no thread to make another certificate of this Host's own");
        }
    }

    /// Makes the next in place of `held`.
    fn replace(
        &self,
        held: &Present<T>,
        now: OffsetDateTime,
        generations: Arc<Generations>,
    ) -> Result<Arc<T>, E> {
        let goes_on = now < held.ends_at;
        let next = match (self.make)(&self.ca, &generations, &self.ambient) {
            // What all had a part in is worth more than what is newer.
            Ok(made) if !made.is_whole && goes_on && Arc::ptr_eq(&held.generations, &generations) => {
                held.on(now, generations)
            }
            Ok(made) => present(made, now, generations),
            Err(error) if goes_on => {
                tracing::warn!(%error, until = %held.ends_at, "another certificate of this Host's own could not be made yet; the present one goes on");
                held.on(now, generations)
            }
            Err(error) => {
                self.present.store(Arc::new(held.on(now, generations)));
                return Err(error);
            }
        };
        let value = Arc::clone(&next.value);
        self.present.store(Arc::new(next));
        Ok(value)
    }
}

/// What was made, until two thirds of its life are over; in part, until it is tried again.
fn present<T>(made: Made<T>, now: OffsetDateTime, generations: Arc<Generations>) -> Present<T> {
    Present {
        value: Arc::new(made.value),
        ends_at: made.ends_at,
        generations,
        due_at: match made.is_whole {
            true => now + (made.ends_at - now) * 2 / 3,
            false => now + AGAIN_AFTER,
        },
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use watchroom_kit::{Clock, Entropy, Tasks};

    use super::*;
    use crate::ClusterSecret;

    const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    /// Fails where the second is odd, as a module does that is away; what it makes ends after a day.
    fn make(_: &ClusterCa, _: &Generations, ambient: &Ambient) -> Result<Made<OffsetDateTime>, &'static str> {
        let now = ambient.now();
        match now.second() % 2 {
            0 => Ok(Made {
                value: now,
                ends_at: now + Duration::DAY,
                // In the last minute of an hour one of the CAs has no part in it.
                is_whole: now.minute() != 59,
            }),
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
        assert_eq!(room.made_at(Duration::hours(25)), Ok(Duration::hours(25)));
    }

    #[test]
    fn one_in_which_not_all_have_a_part_waits_for_the_end_of_the_last() {
        let room = Room::new();
        let in_part = |hours| Duration::hours(hours) - Duration::MINUTE;
        assert_eq!(room.made_at(in_part(20)), Ok(Duration::ZERO));
        assert_eq!(room.made_at(Duration::hours(20)), Ok(Duration::hours(20)));
        assert_eq!(room.made_at(in_part(45)), Ok(in_part(45)));
        // Tried again a minute later.
        assert_eq!(room.made_at(Duration::hours(45)), Ok(Duration::hours(45)));
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
