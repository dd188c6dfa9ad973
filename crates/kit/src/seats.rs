//! Seats that only so many may hold at once, counted per holder.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many seats each holder has now. Cloning shares the count; only holders with a seat are remembered.
#[derive(Clone, Debug)]
pub struct Seats<K>(Arc<Mutex<HashMap<K, usize>>>);

/// One taken seat, free again when dropped.
pub struct Seat<K: Eq + Hash> {
    seats: Seats<K>,
    holder: K,
}

impl<K> Default for Seats<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> Seats<K> {
    /// A seat for `holder`, or `None` if it has `most` already.
    #[must_use]
    pub fn take(&self, holder: K, most: usize) -> Option<Seat<K>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&holder).is_some_and(|count| *count >= most) || most == 0 {
            return None;
        }
        *held.entry(holder.clone()).or_default() += 1;
        Some(Seat {
            seats: self.clone(),
            holder,
        })
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut held = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

impl<K: Eq + Hash + fmt::Debug> fmt::Debug for Seat<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seat").field(&self.holder).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_takes_no_more_than_its_seats_and_gives_them_back_by_leaving() {
        let seats = Seats::default();
        let held: Vec<_> = (0..3).map(|_| seats.take("vera", 3).unwrap()).collect();
        assert!(seats.take("vera", 3).is_none());
        assert!(seats.take("olga", 3).is_some());
        drop(held);
        assert!(seats.0.lock().unwrap().is_empty(), "nobody is remembered");
        assert!(seats.take("vera", 3).is_some());
        assert!(seats.take("vera", 0).is_none());
    }
}
