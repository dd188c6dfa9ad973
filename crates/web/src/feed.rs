//! The feed: what changes, numbered and kept for a while, so that a listener who was cut off misses nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;
use watchroom_kit::{Entropy, Fault, FaultKind, Seat, Seats};
use watchroom_model::UserId;
use watchroom_policy::{Permission, Principal, Resource, reach};

use crate::sse;

/// How many items a listener who was away can still be given.
const KEPT: usize = 4_096;
/// How many streams one person may hold at once, by browser and tokens together. Each costs a connection or
/// a stream of one, a task, and a look at every change.
const MOST_LISTENING: usize = 16;
/// After how many seconds it is worth asking again for a place.
const RETRY_S: u64 = 30;

/// Something that changed, with what it takes to hear of it.
#[derive(Clone, Debug)]
pub struct News {
    /// The kind of event (`node`, `server`, `audit`).
    pub event: &'static str,
    /// Which one of its kind it is about, if about one.
    pub about: Option<Uuid>,
    /// JSON.
    pub data: String,
    /// The permission by which one may hear of it.
    pub needs: Permission,
    /// What it is about.
    pub on: Resource,
}

/// News with their place in the order of things. What is sent of them is written once, whoever hears it.
#[derive(Debug)]
pub struct FeedItem {
    /// Its number, from 1.
    pub seq: u64,
    /// Its number as listeners are told it.
    id: String,
    news: News,
    event: OnceLock<Bytes>,
    message: OnceLock<Utf8Bytes>,
}

impl FeedItem {
    /// Whether they may hear of it.
    pub(crate) fn is_for(&self, principal: &Principal) -> bool {
        reach(principal, self.news.needs).covers(&self.news.on)
    }

    /// The kind of event.
    pub(crate) fn kind(&self) -> &'static str {
        self.news.event
    }

    /// Which one of its kind it is about.
    pub(crate) fn about(&self) -> Option<Uuid> {
        self.news.about
    }

    /// As an event of an event stream.
    pub(crate) fn as_event(&self) -> Bytes {
        let write = || sse::event(self.news.event, Some(&self.id), &self.news.data);
        self.event.get_or_init(write).clone()
    }

    /// As a message over a WebSocket.
    pub(crate) fn as_message(&self) -> Utf8Bytes {
        let write = || message(self.news.event, Some(&self.id), &self.news.data);
        self.message.get_or_init(write).clone()
    }
}

/// A message over a WebSocket. An event stream has the same three fields; `data` is JSON already.
pub(crate) fn message(event: &str, id: Option<&str>, data: &str) -> Utf8Bytes {
    let id = id.map(|id| format!("\"id\":\"{id}\",")).unwrap_or_default();
    format!("{{\"event\":\"{event}\",{id}\"data\":{data}}}").into()
}

/// Numbered items with a memory. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Feed {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Tells the numbers of this process from those of an earlier one.
    epoch: String,
    kept: Mutex<Kept>,
    listening: Seats<UserId>,
}

#[derive(Debug)]
struct Kept {
    items: VecDeque<Arc<FeedItem>>,
    /// The number of the newest that there was.
    newest: u64,
    live: broadcast::Sender<Arc<FeedItem>>,
}

fn live() -> broadcast::Sender<Arc<FeedItem>> {
    broadcast::channel(KEPT).0
}

/// What a listener who comes gets first.
#[derive(Debug)]
pub struct Joined {
    /// Whether everything since the last id that it named is in `missed`.
    pub recovered: bool,
    /// The number of the newest change that is not live.
    pub newest: u64,
    /// The id from which it goes on: its own if everything is recovered, else that of the newest change. Whoever is cut off
    /// before the first thing missed comes back with it, and misses nothing either.
    pub from: String,
    /// What it missed, in order.
    pub missed: Vec<Arc<FeedItem>>,
    /// What comes.
    pub live: broadcast::Receiver<Arc<FeedItem>>,
}

/// One person listens as often as one person may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one person listens {MOST_LISTENING} times at most")]
pub struct TooManyListeners;

impl Fault for TooManyListeners {
    fn kind(&self) -> FaultKind {
        FaultKind::Limited
    }

    fn slug(&self) -> &'static str {
        "too-many-viewers"
    }

    fn public(&self) -> String {
        format!(
            "you listen to changes {MOST_LISTENING} times, as often as one person may; close a tab or program and try again"
        )
    }

    fn retry_after_s(&self) -> Option<u64> {
        Some(RETRY_S)
    }
}

impl Feed {
    /// An empty feed.
    #[must_use]
    pub fn new(entropy: &Entropy) -> Self {
        let epoch = entropy.token().chars().take(8).collect();
        Self {
            inner: Arc::new(Inner {
                epoch,
                kept: Mutex::new(Kept {
                    items: VecDeque::new(),
                    newest: 0,
                    live: live(),
                }),
                listening: Seats::default(),
            }),
        }
    }

    /// A place for one more listener, held until it is dropped. The machine's owner, on the Unix socket, needs
    /// none.
    ///
    /// # Errors
    /// [`TooManyListeners`] if this person has 16 already.
    pub fn seat(&self, principal: &Principal) -> Result<Option<Seat<UserId>>, TooManyListeners> {
        let seat = |user| {
            self.inner
                .listening
                .take(user, MOST_LISTENING)
                .ok_or(TooManyListeners)
        };
        principal.user().map(seat).transpose()
    }

    /// Says that something changed.
    pub fn publish(&self, news: News) {
        let mut kept = self.kept();
        kept.newest += 1;
        let seq = kept.newest;
        let item = Arc::new(FeedItem {
            seq,
            id: self.id_of(seq),
            news,
            event: OnceLock::new(),
            message: OnceLock::new(),
        });
        kept.items.push_back(Arc::clone(&item));
        if kept.items.len() > KEPT {
            kept.items.pop_front();
        }
        // Sent under the lock, so that the order heard is the order kept. An error only says that nobody listens.
        drop(kept.live.send(item));
    }

    /// Says that something changed, and nobody knows what: every listener is cut off, and told to start anew when it comes
    /// back.
    pub fn lose_track(&self) {
        let mut kept = self.kept();
        kept.items.clear();
        kept.newest += 1;
        kept.live = live();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id by which a listener names the last item it has seen.
    #[must_use]
    pub fn id_of(&self, seq: u64) -> String {
        format!("{}-{seq}", self.inner.epoch)
    }

    /// Joins, naming the last id seen if there was one.
    #[must_use]
    pub fn join(&self, last_id: Option<&str>) -> Joined {
        let kept = self.kept();
        let live = kept.live.subscribe();
        let newest = kept.newest;
        let oldest = kept.items.front().map_or(newest + 1, |item| item.seq);
        let seen = last_id
            .and_then(|id| self.seq_of(id))
            .filter(|seen| *seen <= newest && *seen + 1 >= oldest);
        let missed = seen.map(|seen| {
            kept.items
                .iter()
                .filter(|item| item.seq > seen)
                .cloned()
                .collect()
        });
        Joined {
            recovered: missed.is_some(),
            newest,
            from: self.id_of(seen.unwrap_or(newest)),
            missed: missed.unwrap_or_default(),
            live,
        }
    }

    fn seq_of(&self, id: &str) -> Option<u64> {
        let (epoch, seq) = id.rsplit_once('-')?;
        (epoch == self.inner.epoch).then(|| seq.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;
    use watchroom_policy::{ResourceKind, permission};

    use super::*;

    fn feed(items: usize) -> Feed {
        let feed = Feed::new(&Entropy::seeded(3));
        for number in 0..items {
            feed.publish(News {
                event: "node",
                about: None,
                data: number.to_string(),
                needs: permission::NODES_READ,
                on: Resource::all(ResourceKind::Node),
            });
        }
        feed
    }

    #[test]
    fn a_listener_who_was_cut_off_gets_exactly_what_it_missed() {
        let feed = feed(10);
        let joined = feed.join(Some(&feed.id_of(7)));
        assert!(joined.recovered);
        assert_eq!(
            joined.missed.iter().map(|item| item.seq).collect::<Vec<_>>(),
            [8, 9, 10]
        );
        assert!(feed.join(Some(&feed.id_of(10))).missed.is_empty());
    }

    #[test]
    fn who_is_cut_off_before_the_first_thing_missed_asks_from_the_same_place_again() {
        let feed = feed(10);
        assert_eq!(feed.join(Some(&feed.id_of(7))).from, feed.id_of(7));
        let anew = feed.join(None);
        assert_eq!((anew.from, anew.newest), (feed.id_of(10), 10));
    }

    #[test]
    fn when_track_was_lost_all_are_cut_off_and_start_anew() {
        let feed = feed(10);
        let mut listening = feed.join(Some(&feed.id_of(10)));
        feed.lose_track();
        assert_eq!(listening.live.try_recv().unwrap_err(), TryRecvError::Closed);
        for id in [feed.id_of(9), feed.id_of(10)] {
            assert!(!feed.join(Some(&id)).recovered, "{id}");
        }
        let anew = feed.join(Some(&feed.id_of(10)));
        assert!(feed.join(Some(&anew.from)).recovered);
    }

    #[test]
    fn what_is_sent_of_an_item_is_written_once_for_everybody() {
        let feed = feed(1);
        let hear = || feed.join(Some(&feed.id_of(0))).missed.remove(0);
        let (one, other) = (hear(), hear());
        assert_eq!(one.as_message().as_ptr(), other.as_message().as_ptr());
        assert_eq!(one.as_event().as_ptr(), other.as_event().as_ptr());
        let id = feed.id_of(1);
        assert_eq!(
            one.as_message().as_str(),
            format!("{{\"event\":\"node\",\"id\":\"{id}\",\"data\":0}}")
        );
        assert_eq!(one.as_event(), format!("event: node\nid: {id}\ndata: 0\n\n"));
    }

    #[test]
    fn who_was_away_too_long_or_over_a_restart_is_told_to_start_anew() {
        let feed = feed(KEPT + 10);
        for id in [
            feed.id_of(1),
            "elsewhere-5".to_owned(),
            feed.id_of(999_999),
            "nonsense".to_owned(),
        ] {
            assert!(!feed.join(Some(&id)).recovered, "{id}");
        }
        assert!(!feed.join(None).recovered);
    }
}
