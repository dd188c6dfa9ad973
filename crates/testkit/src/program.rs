//! What a room runs on: the program that plays the shim, and the engine of its Host's memory.

use std::path::Path;

/// Where a Host keeps its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// In its state folder.
    Sqlite,
    /// On a server.
    Postgres,
}

/// Made by [`crate::program`].
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The program that the agent runs shims with.
    pub shim: &'static Path,
    /// The engine.
    pub engine: Engine,
}

impl Program {
    /// A test binary whose name ends in `postgres` tells its stories on that.
    #[must_use]
    pub fn of(shim: &'static str, tests: &str) -> Self {
        Self {
            shim: Path::new(shim),
            engine: if tests.ends_with("postgres") {
                Engine::Postgres
            } else {
                Engine::Sqlite
            },
        }
    }
}
