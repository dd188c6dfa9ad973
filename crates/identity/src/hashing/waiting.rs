//! Who waits for a hash: a short line, with a few places kept for whoever does not look like part of a flood.
//!
//! Without those places a flood would fill the line all the time, and a person elsewhere would have to be lucky to sign
//! in. They are for networks that have nobody in the line and where nobody failed lately, and for browsers that have
//! signed in before; whoever is let have one waits for it in the order of coming.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::network::Network;

/// So long a failure is held against its network, in microseconds.
const LATELY: i64 = 10 * 60 * 1_000_000;
/// Networks of which it is known that somebody failed there. A flood from more has filled this book for nothing: it costs
/// the kept places and no more memory.
const MOST_FAILED: usize = 16_384;

/// Who asks for a place in the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// From where.
    pub(crate) network: Network,
    /// Whether the person has signed in, or the browser has before, to this account.
    pub(crate) is_known: bool,
    /// When, in microseconds since 1970.
    pub(crate) now: i64,
}

impl Asking {
    /// Somebody of whom nothing is known yet.
    pub(crate) fn stranger(from: impl Into<Network>, now: i64) -> Self {
        Self {
            network: from.into(),
            is_known: false,
            now,
        }
    }

    /// Somebody who has signed in.
    pub(crate) fn known(from: impl Into<Network>, now: i64) -> Self {
        Self {
            is_known: true,
            ..Self::stranger(from, now)
        }
    }
}

/// The line.
#[derive(Debug)]
pub(super) struct Line {
    /// Places for anybody.
    open: usize,
    /// Further places for who does not look like part of a flood.
    kept: usize,
    book: Mutex<Book>,
    /// Tells of places that were given back, one of those who wait for each.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Book {
    /// Places that are held, by network.
    held: HashMap<Network, usize>,
    /// When somebody failed last, by network.
    failed: HashMap<Network, i64>,
}

/// A place in the line, given back when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    line: Arc<Line>,
    network: Network,
}

impl Line {
    pub(super) fn new(open: usize, kept: usize) -> Self {
        Self {
            open,
            kept,
            book: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// A place as soon as there is one; for who may have none of the kept places and finds no other, never.
    pub(super) async fn wait(self: &Arc<Self>, asking: Asking) -> Ticket {
        loop {
            let mut freed = pin!(self.freed.notified());
            // From here on no place is given back unheard.
            freed.as_mut().enable();
            if let Some(ticket) = self.enter(asking) {
                return ticket;
            }
            if !self.book().may_have_kept(asking) {
                // Out of the line of those who wait: what is given back is for them.
                break;
            }
            freed.await;
        }
        std::future::pending().await
    }

    /// A place for whoever asks, if there is one for them.
    pub(super) fn enter(self: &Arc<Self>, asking: Asking) -> Option<Ticket> {
        let mut book = self.book();
        let total: usize = book.held.values().sum();
        let places = if book.may_have_kept(asking) {
            self.open + self.kept
        } else {
            self.open
        };
        if total >= places {
            return None;
        }
        *book.held.entry(asking.network).or_default() += 1;
        Some(Ticket {
            line: Arc::clone(self),
            network: asking.network,
        })
    }

    /// Somebody in that network failed.
    pub(super) fn failed(&self, network: Network, now: i64) {
        let mut book = self.book();
        if book.failed.len() >= MOST_FAILED {
            book.failed.retain(|_, at| is_lately(*at, now));
        }
        if book.failed.len() < MOST_FAILED || book.failed.contains_key(&network) {
            book.failed.insert(network, now);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn may_have_kept(&self, asking: Asking) -> bool {
        let has_failed = || {
            let last = self.failed.get(&asking.network);
            last.is_some_and(|at| is_lately(*at, asking.now))
        };
        !self.held.contains_key(&asking.network) && (asking.is_known || !has_failed())
    }
}

fn is_lately(at: i64, now: i64) -> bool {
    now.saturating_sub(at) < LATELY
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut book = self.line.book();
        if let Some(places) = book.held.get_mut(&self.network) {
            *places -= 1;
            if *places == 0 {
                book.held.remove(&self.network);
            }
        }
        drop(book);
        self.line.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    const FLOOD: Network = Network::V4([192, 0, 2]);
    const ELSEWHERE: Network = Network::V4([198, 51, 100]);

    fn from(network: Network) -> Asking {
        Asking::stranger(network, 0)
    }

    #[test]
    fn a_flood_from_one_network_leaves_a_place_for_others() {
        let line = Arc::new(Line::new(8, 2));
        let mut inside: Vec<_> = (0..20).filter_map(|_| line.enter(from(FLOOD))).collect();
        assert_eq!(inside.len(), 8);
        let elsewhere = line.enter(from(ELSEWHERE));
        assert!(elsewhere.is_some());
        assert!(line.enter(from(ELSEWHERE)).is_none(), "one kept place for each");
        assert!(line.enter(from(Network::Inside)).is_some());
        assert!(
            line.enter(from(Network::V6([1, 2, 3, 4]))).is_some(),
            "the first kept place was given back"
        );
        inside.clear();
        assert!(line.enter(from(FLOOD)).is_some());
    }

    #[test]
    fn a_flood_from_many_networks_leaves_a_place_where_nobody_failed() {
        let line = Arc::new(Line::new(8, 2));
        let crowd = |number: u8| Network::V4([10, 0, number]);
        (0..100).for_each(|number| line.failed(crowd(number), 0));
        let waiting: Vec<_> = (0..100)
            .filter_map(|number| line.enter(from(crowd(number))))
            .collect();
        assert_eq!(waiting.len(), 8);
        assert!(line.enter(from(ELSEWHERE)).is_some());
        let known = Asking::known(crowd(99), 0);
        assert!(line.enter(known).is_some(), "a browser that has signed in before");
    }

    #[test]
    fn who_finds_even_the_kept_places_taken_waits_for_one() {
        let line = Arc::new(Line::new(1, 1));
        let mut crowd: Vec<_> = [FLOOD, Network::Inside]
            .map(|network| line.enter(from(network)))
            .into();
        assert!(crowd.iter().all(Option::is_some));
        line.failed(FLOOD, 0);
        let (mut flood, mut person) = (pin!(line.wait(from(FLOOD))), pin!(line.wait(from(ELSEWHERE))));
        let mut context = Context::from_waker(Waker::noop());
        assert!(flood.as_mut().poll(&mut context).is_pending());
        assert!(person.as_mut().poll(&mut context).is_pending());
        drop(crowd.pop());
        assert!(
            flood.as_mut().poll(&mut context).is_pending(),
            "told when its time is over"
        );
        assert!(person.as_mut().poll(&mut context).is_ready(), "a place is free");
    }

    #[test]
    fn a_failure_is_not_held_against_a_network_for_ever() {
        let line = Arc::new(Line::new(0, 1));
        line.failed(FLOOD, 0);
        assert!(line.enter(Asking::stranger(FLOOD, LATELY - 1)).is_none());
        assert!(line.enter(Asking::stranger(FLOOD, LATELY)).is_some());
    }

    #[test]
    fn the_book_of_failures_does_not_grow_without_end() {
        let line = Arc::new(Line::new(8, 2));
        let network = |number: u16| Network::V6([number, 0, 0, 0]);
        (0..20_000).for_each(|number| line.failed(network(number), 0));
        assert_eq!(line.book().failed.len(), MOST_FAILED);
        line.failed(network(20_000), LATELY);
        assert_eq!(line.book().failed.len(), 1, "what was long ago is forgotten");
    }
}
