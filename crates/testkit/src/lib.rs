//! A room for tests: the real Host on a folder of its own, with its real listeners, and the real agent
//! linked to it over mutual TLS, all in one process.
//!
//! ```ignore
//! # async fn story() {
//! use watchroom_testkit::{TestRoom, program};
//!
//! let room = TestRoom::open(program!()).await;
//! let vera = room.viewer("vera").await;
//! let answer = vera.post("/api/servers", serde_json::json!({ "name": "web", "command": ["true"] })).await;
//! assert_eq!(answer.status, 403);
//! # }
//! ```
//!
//! Every room owns its data and ports, so rooms stand side by side; what a room started ends with it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code in a library's place: a story that goes wrong ends in a panic"
)]

mod answer;
mod client;
mod room;
mod visitor;

pub use answer::Answer;
pub use client::{Client, trusting};
pub use room::{PASSWORD, TestRoom};
pub use visitor::Visitor;

/// The program that a room's agent runs shims with: this crate's own, which cargo builds beside the tests.
#[macro_export]
macro_rules! program {
    () => {
        std::path::Path::new(env!("CARGO_BIN_EXE_watchroom-test-shim"))
    };
}
