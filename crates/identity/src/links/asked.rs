//! How often strangers may ask for links by mail: so many from one site, and so many in all. It is counted in memory before
//! anything is written, so that nobody buys writes by asking; what one address is sent is counted beside, in the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use watchroom_kit::Site;

use super::LinkError;
use crate::stamp;

/// Asks from one site (a /24, an IPv6 /48) in an hour.
const OF_SITE: u32 = 30;
/// Asks in all in a minute, whoever makes them: a flood from everywhere stops them for a minute at a time.
const IN_ALL: u32 = 60;
const HOUR_S: u32 = 3_600;
const MINUTE_S: u32 = 60;

/// What was asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Asks(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    hour: i64,
    /// No more sites than may ask in an hour in all.
    of_site: HashMap<Site, u32>,
    minute: i64,
    in_all: u32,
}

impl Asks {
    /// Counts one more, if it may be.
    ///
    /// # Errors
    /// [`LinkError::TooMany`].
    pub(super) fn count(&self, site: Site, now: i64) -> Result<(), LinkError> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let book = &mut *book;
        if now >= book.hour.saturating_add(stamp::seconds(HOUR_S)) {
            (book.hour, book.of_site) = (now, HashMap::new());
        }
        if now >= book.minute.saturating_add(stamp::seconds(MINUTE_S)) {
            (book.minute, book.in_all) = (now, 0);
        }
        let until = |began: i64, seconds: u32| LinkError::TooMany {
            retry_after_s: stamp::seconds_until(began + stamp::seconds(seconds), now),
        };
        if book.in_all >= IN_ALL {
            return Err(until(book.minute, MINUTE_S));
        }
        let of_site = book.of_site.entry(site).or_default();
        if *of_site >= OF_SITE {
            return Err(until(book.hour, HOUR_S));
        }
        *of_site += 1;
        book.in_all += 1;
        Ok(())
    }
}
