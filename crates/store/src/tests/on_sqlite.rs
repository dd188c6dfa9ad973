//! The stories on SQLite, and those that only SQLite can tell.
#![expect(clippy::duplicate_mod, reason = "each story is told on each engine")]

pub(super) use super::rows;
pub(super) use super::{add, as_child, child, file, permit, runtime};

pub(super) type Room = super::Room<super::Sqlite>;

#[path = "stories/auditing.rs"]
mod auditing;
#[path = "stories/claiming.rs"]
mod claiming;
#[path = "sqlite/cutting.rs"]
mod cutting;
#[path = "sqlite/failing.rs"]
mod failing;
#[path = "stories/killing.rs"]
mod killing;
#[path = "stories/opening.rs"]
mod opening;
#[path = "stories/reading.rs"]
mod reading;
#[path = "sqlite/upgrading.rs"]
mod upgrading;
#[path = "stories/writing.rs"]
mod writing;
