//! The stories on PostgreSQL, and those that only a server can tell.
#![expect(clippy::duplicate_mod, reason = "each story is told on each engine")]

pub(super) use super::rows;
pub(super) use super::{add, as_child, child, permit, runtime, settings};

pub(super) type Room = super::Room<super::Postgres>;

#[path = "stories/auditing.rs"]
mod auditing;
#[path = "postgres/cable.rs"]
mod cable;
#[path = "stories/claiming.rs"]
mod claiming;
#[path = "postgres/going_away.rs"]
mod going_away;
#[path = "stories/killing.rs"]
mod killing;
#[path = "stories/opening.rs"]
mod opening;
#[path = "stories/reading.rs"]
mod reading;
#[path = "postgres/replicas.rs"]
mod replicas;
#[path = "postgres/upgrading.rs"]
mod upgrading;
#[path = "stories/writing.rs"]
mod writing;
