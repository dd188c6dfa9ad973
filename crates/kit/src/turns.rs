//! Turns at something scarce: so many at once, of which one site holds only a few. Whoever finds none waits in the line of
//! their own site, so that a crowd from one place makes itself wait and nobody else.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many of one site may wait for each turn that it may hold.
const WAITING_EACH: usize = 16;
/// What of an IPv6 address one customer is given at most: a /48.
const SITE_BITS: u128 = !0 << 80;

/// From where somebody comes, as wide as one person may have addresses: a /24 of IPv4, a /48 of IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Site(Option<IpAddr>);

impl From<Option<IpAddr>> for Site {
    /// Whoever has no address comes by a Unix socket: a site of its own.
    fn from(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                IpAddr::from([a, b, c, 0])
            }
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & SITE_BITS)),
        }))
    }
}

/// The turns.
#[derive(Debug)]
pub struct Turns {
    all: Arc<Semaphore>,
    each: usize,
    lines: Lines,
}

type Lines = Arc<Mutex<HashMap<Site, Line>>>;

/// Those of one site who have a turn or wait for one.
#[derive(Debug)]
struct Line {
    turns: Arc<Semaphore>,
    here: usize,
}

/// A turn, given back when dropped.
#[derive(Debug)]
pub struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_site: OwnedSemaphorePermit,
    _visit: Visit,
}

/// Somebody in a line. A line with nobody in it is forgotten.
#[derive(Debug)]
struct Visit {
    lines: Lines,
    site: Site,
}

impl Turns {
    /// So many turns, of which one site holds a quarter at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(most)),
            each: most.div_ceil(4),
            lines: Lines::default(),
        }
    }

    /// A turn, as soon as there is one for this site; sites are served in the order of coming. `None` if as many of the
    /// site wait as may.
    pub async fn take(&self, site: Site) -> Option<Turn> {
        let (visit, turns) = self.enter(site)?;
        let of_site = turns.acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn {
            _of_all: of_all,
            _of_site: of_site,
            _visit: visit,
        })
    }

    fn enter(&self, site: Site) -> Option<(Visit, Arc<Semaphore>)> {
        let mut lines = locked(&self.lines);
        let line = lines.entry(site).or_insert_with(|| Line {
            turns: Arc::new(Semaphore::new(self.each)),
            here: 0,
        });
        if line.here >= self.each * (1 + WAITING_EACH) {
            return None;
        }
        line.here += 1;
        let visit = Visit {
            lines: Arc::clone(&self.lines),
            site,
        };
        Some((visit, Arc::clone(&line.turns)))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut lines = locked(&self.lines);
        if let Some(line) = lines.get_mut(&self.site) {
            line.here -= 1;
            if line.here == 0 {
                lines.remove(&self.site);
            }
        }
    }
}

fn locked(lines: &Lines) -> MutexGuard<'_, HashMap<Site, Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn site(address: &str) -> Site {
        Site::from(Some(address.parse().unwrap()))
    }

    fn taken(turns: &Turns, from: Site) -> Option<Turn> {
        match pin!(turns.take(from)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_site_is_what_one_customer_has() {
        assert_eq!(site("192.0.2.1"), site("192.0.2.254"));
        assert_ne!(site("192.0.2.1"), site("192.0.3.1"));
        assert_eq!(site("::ffff:192.0.2.1"), site("192.0.2.7"));
        assert_eq!(site("2001:db8:1:1::1"), site("2001:db8:1:ffff::9"));
        assert_ne!(site("2001:db8:1::1"), site("2001:db8:2::1"));
        assert_ne!(Site::from(None), site("0.0.0.0"));
    }

    #[test]
    fn a_crowd_from_one_site_leaves_turns_for_others() {
        let turns = Turns::new(8);
        let crowd: Vec<_> = (0..20).filter_map(|_| taken(&turns, site("192.0.2.1"))).collect();
        assert_eq!(crowd.len(), 2);
        assert!(taken(&turns, site("198.51.100.1")).is_some());
    }

    #[test]
    fn whoever_waits_is_next_in_their_line_and_a_line_is_not_endless() {
        let turns = Turns::new(4);
        let context = &mut Context::from_waker(Waker::noop());
        let first = taken(&turns, site("192.0.2.1")).unwrap();
        let mut waiting: Vec<_> = (0..WAITING_EACH)
            .map(|_| Box::pin(turns.take(site("192.0.2.1"))))
            .collect();
        assert!(
            waiting
                .iter_mut()
                .all(|one| one.as_mut().poll(context).is_pending())
        );
        let more = pin!(turns.take(site("192.0.2.1"))).poll(context);
        assert!(matches!(more, Poll::Ready(None)), "the line is full");
        drop(first);
        assert!(waiting.last_mut().unwrap().as_mut().poll(context).is_pending());
        assert!(waiting.first_mut().unwrap().as_mut().poll(context).is_ready());
        drop(waiting);
        assert!(locked(&turns.lines).is_empty(), "nobody is remembered");
    }
}
