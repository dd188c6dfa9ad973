//! Tickets to streams: good once, for half a minute, for whoever asked for one. Browsers can send no header with a stream,
//! and what lasts longer must stand in no address, since addresses are written down.
//!
//! A ticket is known to the Host that gave it, and to no other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use watchroom_kit::{Entropy, Fault, FaultKind, SecretString};
use watchroom_model::UserId;

use crate::Credential;

/// Seconds for which a ticket is good.
pub(crate) const GOOD_FOR_S: u32 = 30;
/// Tickets that one person may hold; with one more the oldest is good no longer.
const MOST_EACH: usize = 16;
/// Tickets that everybody together may hold.
const MOST: usize = 8_192;

/// A ticket that is none, was used, is over, or whose owner has signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket to a stream that is not good, or no longer")]
pub(crate) struct TicketFault;

impl Fault for TicketFault {
    fn kind(&self) -> FaultKind {
        FaultKind::Unauthenticated
    }
    fn slug(&self) -> &'static str {
        "ticket-invalid"
    }
    fn public(&self) -> String {
        "the ticket was used, or its half minute is over; ask for another".to_owned()
    }
}

/// More tickets than there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MOST} tickets are out")]
pub(crate) struct TooManyTickets;

impl Fault for TooManyTickets {
    fn kind(&self) -> FaultKind {
        FaultKind::Limited
    }
    fn slug(&self) -> &'static str {
        "rate-limited"
    }
    fn public(&self) -> String {
        "too many tickets are out; try again in half a minute".to_owned()
    }
    fn retry_after_s(&self) -> Option<u64> {
        Some(GOOD_FOR_S.into())
    }
}

#[derive(Debug)]
struct Ticket {
    user: UserId,
    credential: Credential,
    until: i64,
}

/// The tickets that are out.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    held: Mutex<HashMap<String, Ticket>>,
}

impl Tickets {
    /// A ticket for whoever showed this.
    pub(crate) fn give(
        &self,
        user: UserId,
        credential: Credential,
        (now, entropy): (i64, &Entropy),
    ) -> Result<SecretString, TooManyTickets> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, ticket| now < ticket.until);
        let own = held.iter().filter(|(_, ticket)| ticket.user == user);
        if own.clone().count() >= MOST_EACH
            && let Some(oldest) = own
                .min_by_key(|(_, ticket)| ticket.until)
                .map(|(text, _)| text.clone())
        {
            held.remove(&oldest);
        }
        if held.len() >= MOST {
            return Err(TooManyTickets);
        }
        let text = entropy.token();
        let ticket = Ticket {
            user,
            credential,
            until: now + i64::from(GOOD_FOR_S) * 1_000_000,
        };
        held.insert(text.clone(), ticket);
        Ok(text.into())
    }

    /// What was shown for this ticket, once.
    pub(crate) fn take(&self, text: &str, now: i64) -> Result<Credential, TicketFault> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = held.remove(text).ok_or(TicketFault)?;
        (now < ticket.until)
            .then_some(ticket.credential)
            .ok_or(TicketFault)
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::{Ambient, ExposeSecret};

    use super::*;

    const HALF_A_MINUTE: i64 = 30_000_000;

    #[test]
    fn a_ticket_is_good_once_and_for_half_a_minute() {
        let ambient = Ambient::system();
        let tickets = Tickets::default();
        let user = UserId::mint(&ambient);
        let give = |at| {
            let ticket = tickets.give(user, Credential::Socket, (at, &ambient.entropy));
            ticket.unwrap().expose_secret().to_owned()
        };
        let (first, second) = (give(0), give(0));
        assert!(tickets.take(&first, HALF_A_MINUTE - 1).is_ok());
        assert!(tickets.take(&first, HALF_A_MINUTE - 1).is_err());
        assert!(tickets.take(&second, HALF_A_MINUTE).is_err());
        assert!(tickets.take("", 0).is_err());
    }

    #[test]
    fn of_a_thousand_uses_at_once_one_is_good() {
        let ambient = Ambient::system();
        let tickets = Tickets::default();
        let ticket = tickets.give(UserId::mint(&ambient), Credential::Socket, (0, &ambient.entropy));
        let ticket = ticket.unwrap().expose_secret().to_owned();
        let gate = std::sync::Barrier::new(8);
        let good = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    gate.wait();
                    let mine = (0..125).filter(|_| tickets.take(&ticket, 1).is_ok()).count();
                    good.fetch_add(mine, std::sync::atomic::Ordering::SeqCst);
                });
            }
        });
        assert_eq!(good.into_inner(), 1);
    }

    #[test]
    fn nobody_fills_the_book_of_tickets() {
        let ambient = Ambient::system();
        let tickets = Tickets::default();
        let user = UserId::mint(&ambient);
        let give = |user, at| {
            tickets
                .give(user, Credential::Socket, (at, &ambient.entropy))
                .map(|ticket| ticket.expose_secret().to_owned())
        };
        let first = give(user, 0).unwrap();
        for at in 1..=16 {
            give(user, at).unwrap();
        }
        assert!(tickets.take(&first, 20).is_err(), "the oldest made room");
        let others = (0..MOST)
            .filter(|_| give(UserId::mint(&ambient), 20).is_ok())
            .count();
        assert_eq!(others, MOST - 16);
        assert!(give(UserId::mint(&ambient), HALF_A_MINUTE + 21).is_ok());
    }
}
