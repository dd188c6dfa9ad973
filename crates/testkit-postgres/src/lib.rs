//! A real PostgreSQL for tests: one server for a whole run of tests, a fresh database for each story.
//!
//! The first test that needs the server makes and starts it, on a folder, a socket and a port of its own; the
//! others of the run find it there. A keeper watches the test runner and, when that has ended for whatever
//! reason, stops the server and removes its folder. The server syncs as it would anywhere (`fsync` and
//! `synchronous_commit` are on), so what a story sees acknowledged is on the disk.
//!
//! Needs Debian's `postgresql` (its own cluster need not run). As root the server runs as the account
//! `postgres`, since it refuses root.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code in a library's place: without its server a story ends in a panic"
)]

mod cluster;
mod database;

pub use database::TestDatabase;
