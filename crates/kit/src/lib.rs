//! What we wish std had: clock, chance, tasks, faults, confined paths, durable files and journals.
//!
//! Everything here is small, knows nothing of the product, and exists so that the rest of the house
//! can be given time, chance and tasks from outside instead of reaching for globals.

mod ambient;
mod backoff;
mod clock;
pub mod config;
mod confined;
mod entropy;
mod fault;
pub mod files;
mod hashed;
mod journal;
mod priority;
mod seats;
mod tasks;
mod turns;
mod wait;

pub use ambient::Ambient;
pub use backoff::Backoff;
pub use clock::Clock;
pub use confined::{ConfinedPath, ConfinedRoot, PathError};
pub use entropy::Entropy;
pub use fault::{Fault, FaultKind, FieldFault, in_brief};
pub use hashed::{GivenHash, HashedAlready};
pub use journal::{Journal, JournalError};
pub use priority::give_way;
pub use seats::{Seat, Seats};
pub use secrecy::{ExposeSecret, SecretString};
pub use tasks::Tasks;
pub use turns::{Site, Turn, Turns};
pub use wait::wait_here;
