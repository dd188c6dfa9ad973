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
//! Every room owns its data and ports, so rooms stand side by side; what a room started ends with it. The same
//! stories are told on SQLite (`tests/stories`) and on PostgreSQL (`tests/stories_postgres`).

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code in a library's place: a story that goes wrong ends in a panic"
)]

mod answer;
mod authenticator;
mod client;
mod machine;
mod premises;
mod program;
mod room;
mod shell;
mod socket;
mod visitor;

pub use answer::Answer;
pub use authenticator::Authenticator;
pub use client::{Client, Shared, trusting};
pub use machine::Machine;
pub use program::{Engine, Program};
pub use room::{PASSWORD, TestRoom};
pub use socket::{Heard, Socket};
pub use visitor::Visitor;

/// What a room runs on: this crate's own shim, which cargo builds beside the tests, and the engine that the test
/// binary is for.
#[macro_export]
macro_rules! program {
    () => {
        $crate::Program::of(
            env!("CARGO_BIN_EXE_watchroom-test-shim"),
            env!("CARGO_CRATE_NAME"),
        )
    };
}
