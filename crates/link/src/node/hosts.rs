//! Which Host is behind which address: a Host that two addresses lead to gets one link.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// The Hosts that have a link, or are about to, by the process that answers.
#[derive(Clone, Default)]
pub(super) struct Hosts(Arc<Mutex<HashMap<Uuid, Held>>>);

struct Held {
    address: String,
    links: usize,
}

/// Says that there is a link to a Host by an address. Dropping it says that there is no more.
pub(super) struct Claim {
    hosts: Hosts,
    host: Uuid,
}

impl Hosts {
    /// Claims a Host for an address, or gives the other address by which it is linked already.
    pub(super) fn claim(&self, host: Uuid, address: &str) -> Result<Claim, String> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.entry(host) {
            Entry::Occupied(other) if other.get().address != address => {
                return Err(other.get().address.clone());
            }
            Entry::Occupied(mut same) => same.get_mut().links += 1,
            Entry::Vacant(free) => {
                free.insert(Held {
                    address: address.to_owned(),
                    links: 1,
                });
            }
        }
        Ok(Claim {
            hosts: self.clone(),
            host,
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.hosts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = held.entry(self.host) {
            entry.get_mut().links -= 1;
            if entry.get().links == 0 {
                entry.remove();
            }
        }
    }
}
