//! How often strangers may ask for links by mail: so many from one site, and so many in all, some of them kept for whoever
//! does not look like part of a crowd. It is counted in memory before anything is written, so that nobody buys writes by
//! asking; what one address is sent is counted beside, in the database.
//!
//! Without the kept ones sixty strangers a minute would stop everybody's links. A site that has not asked within the hour
//! has one of them, and a browser that has signed in to the account before is not held to its site either: the crowd may
//! be its neighbours.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use watchroom_kit::Site;

use super::LinkError;
use crate::stamp;

/// Asks from one site (a /24, an IPv6 /48) in an hour.
const OF_SITE: u32 = 30;
/// Asks from one site in a minute.
const OF_SITE_AT_ONCE: u32 = 10;
/// Asks in a minute that anybody may use up.
const OPEN: u32 = 40;
/// Further ones for sites that ask for the first time within the hour. In an hour it takes nine hundred sites to use up all
/// of them.
const FIRST: u32 = 15;
/// Further ones for browsers that have signed in before to the account that they ask for.
const KNOWN: u32 = 5;
const HOUR_S: u32 = 3_600;
const MINUTE_S: u32 = 60;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// From where.
    pub(super) site: Site,
    /// Whether the browser has signed in before to the account that it asks for.
    pub(super) is_known: bool,
}

/// What was asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Asks(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    hour: i64,
    /// No more sites than may ask in an hour in all.
    of_site: HashMap<Site, OfSite>,
    minute: i64,
    /// How many of each kind there were in this minute.
    open: u32,
    first: u32,
    known: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfSite {
    in_hour: u32,
    minute: i64,
    in_minute: u32,
}

impl Asks {
    /// Counts one more, if it may be.
    ///
    /// # Errors
    /// [`LinkError::TooMany`].
    pub(super) fn count(&self, asking: Asking, now: i64) -> Result<(), LinkError> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.turn(now);
        let until = |began: i64, seconds: u32| LinkError::TooMany {
            retry_after_s: stamp::seconds_until(began + stamp::seconds(seconds), now),
        };
        let mut of_site = book.of_site.get(&asking.site).copied().unwrap_or_default();
        if of_site.minute != book.minute {
            (of_site.minute, of_site.in_minute) = (book.minute, 0);
        }
        let is_first = of_site.in_hour == 0;
        if !asking.is_known && of_site.in_hour >= OF_SITE {
            return Err(until(book.hour, HOUR_S));
        }
        if !asking.is_known && of_site.in_minute >= OF_SITE_AT_ONCE {
            return Err(until(book.minute, MINUTE_S));
        }
        if book.open < OPEN {
            book.open += 1;
        } else if is_first && book.first < FIRST {
            book.first += 1;
        } else if asking.is_known && book.known < KNOWN {
            book.known += 1;
        } else {
            return Err(until(book.minute, MINUTE_S));
        }
        of_site.in_hour += 1;
        of_site.in_minute += 1;
        book.of_site.insert(asking.site, of_site);
        Ok(())
    }
}

impl Book {
    /// Begins another hour or minute where one is over.
    fn turn(&mut self, now: i64) {
        if now >= self.hour.saturating_add(stamp::seconds(HOUR_S)) {
            (self.hour, self.of_site) = (now, HashMap::new());
        }
        if now >= self.minute.saturating_add(stamp::seconds(MINUTE_S)) {
            self.minute = now;
            (self.open, self.first, self.known) = (0, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn stranger(network: u8) -> Asking {
        let site = Site::from(Some(IpAddr::from([198, 51, network, 7])));
        Asking {
            site,
            is_known: false,
        }
    }

    fn known(network: u8) -> Asking {
        Asking {
            is_known: true,
            ..stranger(network)
        }
    }

    /// How many of so many asks are counted.
    fn counted(asks: &Asks, asking: Asking, times: u32, now: i64) -> u32 {
        (0..times)
            .map(|_| u32::from(asks.count(asking, now).is_ok()))
            .sum()
    }

    #[test]
    fn a_crowd_from_a_few_sites_leaves_some_for_everybody_else() {
        let (asks, began) = (Asks::default(), MINUTE);
        let crowd: u32 = (0..6)
            .map(|network| counted(&asks, stranger(network), 100, began))
            .sum();
        // The last two came late, and had one each as any site that has not asked.
        assert_eq!(crowd, OPEN + 2);
        assert_eq!(counted(&asks, stranger(100), 5, began), 1);
        assert_eq!(counted(&asks, known(0), 5, began), 5, "a neighbour of the crowd");
        assert_eq!(counted(&asks, stranger(101), 5, began), 1);
    }

    #[test]
    fn whoever_asks_there_are_no_more_than_sixty_in_a_minute() {
        let (asks, began) = (Asks::default(), MINUTE);
        let all = (0..=255).flat_map(|network| [stranger(network), known(network)]);
        let of_all: u32 = all.map(|asking| counted(&asks, asking, 20, began)).sum();
        assert_eq!(of_all, OPEN + FIRST + KNOWN);
        assert_eq!(of_all, 60);
        let wait = match asks.count(known(7), began + MINUTE / 2) {
            Err(LinkError::TooMany { retry_after_s }) => retry_after_s,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait, 30);
        assert_eq!(counted(&asks, stranger(100), 1, began + MINUTE), 1);
    }

    #[test]
    fn a_site_has_ten_in_a_minute_and_thirty_in_an_hour() {
        let (asks, began) = (Asks::default(), MINUTE);
        let minutes = (0..10).map(|minute| counted(&asks, stranger(1), 20, began + minute * MINUTE));
        assert_eq!(minutes.collect::<Vec<_>>(), [10, 10, 10, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(counted(&asks, known(1), 1, began + 10 * MINUTE), 1);
        assert_eq!(counted(&asks, stranger(1), 1, began + 60 * MINUTE), 1);
    }
}
