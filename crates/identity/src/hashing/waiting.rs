//! Who waits for a hash: a short line, with a few places kept for networks that have nobody in it.
//!
//! Without those places a flood from one network would fill the line all the time, and a person elsewhere
//! would have to be lucky to sign in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::network::Network;

/// The line.
#[derive(Debug)]
pub(super) struct Line {
    /// Places for anybody.
    open: usize,
    /// Further places for networks that hold none.
    kept: usize,
    held: Mutex<HashMap<Network, usize>>,
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
            held: Mutex::default(),
        }
    }

    /// A place for somebody from that network, if there is one for them.
    pub(super) fn enter(self: &Arc<Self>, network: Network) -> Option<Ticket> {
        let mut held = self.book();
        let total: usize = held.values().sum();
        let places = if held.contains_key(&network) {
            self.open
        } else {
            self.open + self.kept
        };
        if total >= places {
            return None;
        }
        *held.entry(network).or_default() += 1;
        Some(Ticket {
            line: Arc::clone(self),
            network,
        })
    }

    fn book(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut held = self.line.book();
        if let Some(places) = held.get_mut(&self.network) {
            *places -= 1;
            if *places == 0 {
                held.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_from_one_network_leaves_a_place_for_others() {
        let line = Arc::new(Line::new(8, 2));
        let flood = Network::V4([192, 0, 2]);
        let mut inside: Vec<_> = (0..20).filter_map(|_| line.enter(flood)).collect();
        assert_eq!(inside.len(), 8);
        let elsewhere = line.enter(Network::V4([198, 51, 100]));
        assert!(elsewhere.is_some());
        assert!(
            line.enter(Network::V4([198, 51, 100])).is_none(),
            "one kept place for each"
        );
        assert!(line.enter(Network::Inside).is_some());
        assert!(
            line.enter(Network::V6([1, 2, 3, 4])).is_some(),
            "the first kept place was given back"
        );
        inside.clear();
        assert!(line.enter(flood).is_some());
    }
}
