//! The Watchroom binary: command line, configuration, composition and lifecycle.
//!
//! Guarantees: the environment is read here alone ([`environment`]); every failure ends as one
//! [`failure::Failure`] with a documented exit code; secrets never come from an argument.
//! The parts themselves live in their own crates; only `run` and what it calls knows two of them at once.

#[cfg(feature = "node")]
pub mod agent;
pub mod announce;
#[cfg(any(feature = "host", feature = "node"))]
mod bind;
mod cli;
pub mod client;
pub mod config;
#[cfg(all(feature = "host", feature = "node"))]
pub mod demo;
pub mod descriptors;
#[cfg(feature = "host")]
mod doctor;
pub mod endpoints;
pub mod environment;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "node")]
pub mod joining;
mod logging;
mod memory;
pub mod node_identity;
#[cfg(feature = "node")]
mod node_papers;
pub mod output;
#[cfg(feature = "host")]
pub mod replica;
mod role_file;
pub mod run;
pub mod state;
#[cfg(feature = "host")]
mod wire;

pub use cli::main;
