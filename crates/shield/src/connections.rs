//! How many connections there are, in all, per address, and per site of IPv6.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Config;
use crate::address::{counted, site};

/// Connections above the limits that are taken in to be told so, at once. Above them too, they are just closed.
const MOST_SURPLUS: usize = 64;

/// Places in the total that only those take who have proven who they are, so that nodes get through however
/// many strangers there are. Of a small total, a sixteenth.
const MOST_KEPT: usize = 64;

/// How many times the connections of one address a whole site of IPv6 may have: whoever has one can come from as
/// many addresses as they like.
const ADDRESSES_OF_SITE: usize = 4;

/// The open connections of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    regular: usize,
    surplus: usize,
    by_address: HashMap<IpAddr, usize>,
    by_site: HashMap<IpAddr, usize>,
}

/// A place for one connection, free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    open: Connections,
    address: Option<IpAddr>,
    /// Above the limits: only to be told so.
    pub(crate) is_surplus: bool,
}

impl Connections {
    /// A place for a connection from `address`, or `None` if it is to be closed unheard.
    pub(crate) fn admit(&self, address: IpAddr, config: &Config) -> Option<Place> {
        let is_proxy = config
            .trusted_proxies
            .iter()
            .any(|network| network.contains(address));
        let address = Some(counted(address)).filter(|_| !is_proxy);
        let mut open = self.lock();
        let kept = MOST_KEPT.min(config.connections / 16);
        let most = config.connections_per_address;
        let is_surplus = open.regular >= config.connections - kept
            || address.is_some_and(|address| open.is_full(address, most));
        if is_surplus {
            if open.surplus >= MOST_SURPLUS {
                return None;
            }
            open.surplus += 1;
            return Some(Place {
                open: self.clone(),
                address: None,
                is_surplus,
            });
        }
        open.regular += 1;
        if let Some(address) = address {
            open.come(address);
        }
        Some(Place {
            open: self.clone(),
            address,
            is_surplus,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The other end has proven who it is: it no longer counts against its address, and is let in even if
    /// that has too many, as long as there is room in the total. `false` if there is none.
    pub(crate) fn prove(&mut self, config: &Config) -> bool {
        let mut open = self.open.lock();
        if let Some(address) = self.address.take() {
            open.leave(address);
        }
        if self.is_surplus && open.regular < config.connections {
            open.surplus -= 1;
            open.regular += 1;
            self.is_surplus = false;
        }
        !self.is_surplus
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if self.is_surplus {
            open.surplus -= 1;
        } else {
            open.regular -= 1;
        }
        if let Some(address) = self.address {
            open.leave(address);
        }
    }
}

impl Open {
    fn is_full(&self, address: IpAddr, most: usize) -> bool {
        let of_address = self.by_address.get(&address).copied().unwrap_or(0);
        let of_site = site(address).and_then(|site| self.by_site.get(&site)).copied();
        of_address >= most || of_site.unwrap_or(0) >= most.saturating_mul(ADDRESSES_OF_SITE)
    }

    fn come(&mut self, address: IpAddr) {
        *self.by_address.entry(address).or_default() += 1;
        if let Some(site) = site(address) {
            *self.by_site.entry(site).or_default() += 1;
        }
    }

    fn leave(&mut self, address: IpAddr) {
        count_down(&mut self.by_address, address);
        if let Some(site) = site(address) {
            count_down(&mut self.by_site, site);
        }
    }
}

fn count_down(counts: &mut HashMap<IpAddr, usize>, address: IpAddr) {
    if let Some(count) = counts.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places_and_leaving_frees_them() {
        let config = Config {
            connections: 3,
            connections_per_address: 2,
            ..Config::default()
        };
        let connections = Connections::default();
        let admit = |text: &str| connections.admit(text.parse().unwrap(), &config).unwrap();
        let (first, _second) = (admit("2001:db8::1"), admit("2001:db8::2"));
        assert!(admit("2001:db8::3").is_surplus);
        let other = admit("192.0.2.1");
        assert!(!other.is_surplus);
        assert!(admit("192.0.2.2").is_surplus);
        drop(first);
        assert!(!admit("2001:db8::3").is_surplus);
    }

    #[test]
    fn one_site_of_ipv6_cannot_take_all_places_from_ever_new_addresses() {
        let config = Config {
            connections_per_address: 2,
            ..Config::default()
        };
        let connections = Connections::default();
        let admit = |text: &str| connections.admit(text.parse().unwrap(), &config).unwrap();
        let networks = |site: &str| {
            (0..8)
                .map(|network| format!("2001:db8:{site}:{network:x}00::1"))
                .collect::<Vec<_>>()
        };
        let taken: Vec<_> = networks("a").iter().map(|address| admit(address)).collect();
        assert!(taken.iter().all(|place| !place.is_surplus));
        assert!(admit("2001:db8:a:ffff::1").is_surplus);
        assert!(!admit("2001:db8:b::1").is_surplus, "another site");
        assert!(!admit("192.0.2.1").is_surplus, "IPv4 has no sites");
        drop(taken);
        assert!(!admit("2001:db8:a:ffff::1").is_surplus);
        let open = connections.lock();
        assert_eq!(
            (open.regular, open.by_address.len(), open.by_site.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn who_has_proven_who_they_are_gets_in_past_a_crowd_but_not_past_the_total() {
        let config = Config {
            connections: 32,
            connections_per_address: 4,
            ..Config::default()
        };
        let connections = Connections::default();
        let admit = |text: &str| connections.admit(text.parse().unwrap(), &config).unwrap();
        let mut crowd: Vec<_> = (0..4).map(|_| admit("127.0.0.1")).collect();
        let mut node = admit("127.0.0.1");
        assert!(node.is_surplus);
        assert!(node.prove(&config));
        assert!(!node.is_surplus);
        // Strangers from everywhere take all places but those that are kept.
        crowd.extend((0..25).map(|number| admit(&format!("192.0.2.{number}"))));
        assert!(admit("198.51.100.1").is_surplus);
        let mut proven: Vec<_> = (0..2).map(|_| admit("127.0.0.1")).collect();
        assert!(proven.iter_mut().all(|place| place.prove(&config)));
        assert!(!admit("127.0.0.1").prove(&config), "the total holds for all");
        drop((node, proven, crowd));
        let open = connections.lock();
        assert_eq!((open.regular, open.surplus, open.by_address.len()), (0, 0, 0));
    }

    #[test]
    fn above_the_surplus_connections_are_closed_unheard() {
        let config = Config {
            connections: 1,
            ..Config::default()
        };
        let connections = Connections::default();
        let address = "192.0.2.1".parse().unwrap();
        let places: Vec<_> = (0..=MOST_SURPLUS)
            .map(|_| connections.admit(address, &config))
            .collect();
        assert!(places.iter().all(Option::is_some));
        assert!(connections.admit(address, &config).is_none());
        drop(places);
        assert!(!connections.admit(address, &config).unwrap().is_surplus);
    }
}
