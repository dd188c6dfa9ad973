//! Sliding windows that count per key: how often something may be done in how much time.
//!
//! A window is kept as sixteen slots of a fifteenth of its time each, so it never lets more than its limit
//! through in any stretch of that length, and forgets a request at most a fifteenth later than it might.
//! What is refused is not counted. Memory is bounded: each shard keeps two generations of keys and drops
//! the older when the younger is full. Which keys and limits there are is decided by the callers.
//!
//! Replicas may also count together ([`SharedCounters`]). Each still counts for itself: what is too much for one
//! is too much for all, and is refused without asking; and when the shared counters are away, its own decide.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use uuid::Uuid;
use watchroom_kit::{Clock, HashedAlready};

use crate::address::counted;

#[cfg(feature = "redis")]
pub(crate) mod redis;
mod ring;
mod shared;

use ring::Ring;
pub use shared::{Charge, SharedCounters};

/// Independent parts of the table, so that cores seldom meet.
const SHARDS: usize = 64;

/// So many in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// How many.
    pub limit: u32,
    /// In how many seconds.
    pub per_s: u32,
}

impl Window {
    /// So many in a minute.
    #[must_use]
    pub const fn per_minute(limit: u32) -> Self {
        Self { limit, per_s: 60 }
    }

    /// So many in an hour.
    #[must_use]
    pub const fn per_hour(limit: u32) -> Self {
        Self { limit, per_s: 3_600 }
    }
}

/// The answer of a limit, about its tightest window. Put into the extensions of a response it is shown to
/// the client as `RateLimit` and `RateLimit-Policy`, in place of what the edge itself counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The kind of limit.
    pub class: &'static str,
    /// Whether it is used up: the request must be refused.
    pub is_limited: bool,
    /// The window this is about.
    pub window: Window,
    /// How many more may come now.
    pub remaining: u32,
    /// Seconds after which there is room for another (if limited), or for one more than now.
    pub reset_s: u32,
}

/// What is counted. Addresses are folded and IPv6 is counted by /64.
#[derive(Clone, Copy, Debug)]
pub enum LimitKey<'a> {
    /// An address.
    Address(IpAddr),
    /// Somebody or something with an id.
    Id(Uuid),
    /// A name, such as an account.
    Name(&'a str),
}

impl LimitKey<'_> {
    /// The same for every replica. Names are hashed: anybody may type one, of any length, and whoever reads the
    /// shared counters shall not read them.
    #[cfg(feature = "redis")]
    fn shared(&self, class: &str) -> String {
        let hash = |name: &str| blake3::hash(name.as_bytes()).to_hex();
        match self {
            Self::Address(address) => format!("{class}:address:{}", counted(*address)),
            Self::Id(id) => format!("{class}:id:{id}"),
            Self::Name(name) => format!("{class}:name:{}", hash(name)),
        }
    }
}

/// A key with its hash, which is reckoned once: with a secret of this table, as others choose the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    hash: u64,
    class: &'static str,
    kind: u8,
    value: u128,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

type Entry = Vec<Ring>;
type Entries = HashMap<Key, Entry, HashedAlready>;

#[derive(Debug, Default)]
struct Shard {
    young: Entries,
    old: Entries,
}

/// The counters.
#[derive(Debug)]
pub struct Limits {
    shards: Vec<Mutex<Shard>>,
    keys_per_generation: usize,
    hasher: RandomState,
    clock: Clock,
    shared: OnceLock<Arc<dyn SharedCounters>>,
}

impl Limits {
    /// Empty counters that keep about `keys` keys at most.
    #[must_use]
    pub fn new(keys: usize, clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let keys_per_generation = (keys / SHARDS / 2).max(1);
        Self {
            shards,
            keys_per_generation,
            hasher: RandomState::new(),
            clock,
            shared: OnceLock::new(),
        }
    }

    /// Counts one for `key` in every window, unless one of them is full. No windows, no limit: `None`.
    pub fn take(&self, class: &'static str, key: LimitKey<'_>, windows: &[Window]) -> Option<Verdict> {
        self.take_by(self.key(class, key), windows)
    }

    /// The same for a key that is reckoned already.
    pub(crate) fn take_by(&self, key: Key, windows: &[Window]) -> Option<Verdict> {
        let now_ms = self.now_ms();
        let mut shard = self.shard(&key)?;
        let entry = shard.entry(key, self.keys_per_generation);
        fit(entry, windows, now_ms);
        let is_limited = entry.iter().any(|ring| ring.remaining() == 0);
        if !is_limited {
            entry.iter_mut().for_each(Ring::count);
        }
        tightest(
            key.class,
            entry.iter().map(|ring| ring.standing(now_ms)),
            is_limited,
        )
    }

    /// Takes the newest one counted for `key` back out of all its windows, wherever it was counted.
    pub fn give_back(&self, class: &'static str, key: LimitKey<'_>) {
        self.give_back_by(self.key(class, key), key);
    }

    /// The same for a key that is reckoned already, as `reckoned`.
    pub(crate) fn give_back_by(&self, reckoned: Key, key: LimitKey<'_>) {
        if let Some(shared) = self.shared.get() {
            shared.give_back(Charge {
                class: reckoned.class,
                key,
                windows: &[],
            });
        }
        self.give_back_here(reckoned);
    }

    fn give_back_here(&self, key: Key) {
        let now_ms = self.now_ms();
        let Some(mut shard) = self.shard(&key) else { return };
        for ring in shard.get(&key).into_iter().flatten() {
            ring.advance(now_ms);
            ring.give_back();
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed_roughly().as_millis()).unwrap_or(u64::MAX)
    }

    /// Reckons a key: whoever counts for it and may give back does so once.
    pub(crate) fn key(&self, class: &'static str, key: LimitKey<'_>) -> Key {
        let wide = |text: &str, salt: u8| {
            let half = |part: u8| u128::from(self.hasher.hash_one((text, salt, part)));
            half(0) << 64 | half(1)
        };
        let (kind, value) = match key {
            LimitKey::Address(address) => address_bits(address),
            LimitKey::Id(id) => (2, id.as_u128()),
            LimitKey::Name(name) => (3, wide(name, 3)),
        };
        let mut hasher = self.hasher.build_hasher();
        // Written at one go, as each go costs as much again.
        let words = [value, u128::from(tag(class, kind))];
        hasher.write(words.map(u128::to_le_bytes).as_flattened());
        Key {
            hash: hasher.finish(),
            class,
            kind,
            value,
        }
    }

    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Shard>> {
        // The lowest and highest bits find the place inside a map, so the shard is chosen by others.
        let place = usize::try_from(key.hash >> 32).unwrap_or(0) % SHARDS;
        // Counters are whole between any two statements: a panic elsewhere cannot have left them half made.
        Some(
            self.shards
                .get(place)?
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        };
        self.shards.iter().map(len).sum()
    }
}

impl Shard {
    fn get(&mut self, key: &Key) -> Option<&mut Entry> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    fn entry(&mut self, key: Key, most: usize) -> &mut Entry {
        if self.young.len() >= most && !self.young.contains_key(&key) {
            let known = self.old.remove(&key);
            self.old = std::mem::take(&mut self.young);
            self.young.extend(known.map(|known| (key, known)));
        }
        let Self { young, old } = self;
        young
            .entry(key)
            .or_insert_with(|| old.remove(&key).unwrap_or_default())
    }
}

/// A class and a kind of key as one number. Both are ours to choose, so it need not be kept from anybody (FNV-1a).
fn tag(class: &str, kind: u8) -> u64 {
    class
        .bytes()
        .chain([kind])
        .fold(0xCBF2_9CE4_8422_2325, |tag, byte| {
            (tag ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
}

fn address_bits(address: IpAddr) -> (u8, u128) {
    match counted(address) {
        IpAddr::V4(address) => (0, u128::from(address.to_bits())),
        IpAddr::V6(address) => (1, address.to_bits()),
    }
}

/// Makes the rings those of `windows` (a changed configuration starts changed windows anew) as of now.
fn fit(entry: &mut Entry, windows: &[Window], now_ms: u64) {
    let is_same = entry.len() == windows.len()
        && entry
            .iter()
            .zip(windows)
            .all(|(ring, window)| ring.window() == *window);
    if !is_same {
        let kept = |window: &Window| entry.iter().find(|ring| ring.window() == *window).cloned();
        *entry = windows
            .iter()
            .map(|window| kept(window).unwrap_or_else(|| Ring::new(*window)))
            .collect();
    }
    entry.iter_mut().for_each(|ring| ring.advance(now_ms));
}

/// How one window stands.
#[derive(Clone, Copy, Debug)]
struct Standing {
    window: Window,
    remaining: u32,
    reset_ms: u64,
}

/// The verdict about the window that matters: of full ones the one that is full for longest, else the fullest.
fn tightest(
    class: &'static str,
    windows: impl Iterator<Item = Standing>,
    is_limited: bool,
) -> Option<Verdict> {
    let tightest = if is_limited {
        windows
            .filter(|one| one.remaining == 0)
            .max_by_key(|one| one.reset_ms)
    } else {
        windows.min_by_key(|one| one.remaining)
    }?;
    let reset_s = u32::try_from(tightest.reset_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
    Some(Verdict {
        class,
        is_limited,
        window: tightest.window,
        remaining: tightest.remaining,
        reset_s: reset_s.max(1),
    })
}

#[cfg(test)]
mod tests;
