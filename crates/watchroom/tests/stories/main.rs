//! Stories of the whole program as a machine's owner meets it: the real binary, its processes, its files, its
//! ports and its exit codes.

#![cfg(all(feature = "host", feature = "node"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a room that cannot be made, or an answer without its parts, fails its test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a story runs outside the program and waits by the real clock"
)]

mod answers;
mod at_rest;
mod bans;
mod canaries;
mod certificate;
mod demo;
mod fail2ban;
mod first_run;
mod heartbeats;
mod job;
mod killed;
mod malformed;
mod node_page;
mod profile;
mod programs;
mod proxied;
mod refused;
mod replicas;
mod residents;
mod revoked;
mod role_file;
mod room;
mod secret;
mod security_module;
mod stopped;
mod together;
mod units;
mod unsynced;
mod viewers;
mod visitor;
