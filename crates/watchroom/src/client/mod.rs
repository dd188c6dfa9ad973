//! Talks to a Host's API: over the Unix socket of this machine, or over TLS with a token.
//!
//! Orders to servers carry an `Idempotency-Key`, so that one whose answer was lost is asked again without
//! doing the thing twice; anything else is asked once.

mod connect;
mod error;
mod page;
mod problem;
mod request;
#[cfg(test)]
pub(crate) mod room;
mod sse;
mod target;
#[cfg(test)]
mod tests;

pub use error::CallError;
pub use problem::ProblemReport;
pub use request::{Client, Streamed};
pub use sse::{Event, Events, OversizeEvent};
pub use target::{Remote, Target, TargetError};
