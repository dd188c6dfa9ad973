//! The memory of the Host: one writer with group commit, permits and entries in one transaction,
//! filtered reads, closed upkeep, and migrations written once for both engines.
//!
//! Neither transaction type exposes the database layer's connection trait: a [`ReadTx`] can only read,
//! and a [`WriteTx`] exists only inside [`Store::write`], which wants a permit and adds the audit entry
//! of the change to the same transaction.
//!
//! Ids and names are stored as text, times as whole microseconds since the Unix epoch (`BIGINT`), lists
//! and maps as JSON text: one representation on both engines, readable with any database shell.

mod audit_log;
mod chain;
mod changed;
mod claim;
mod config;
mod engine;
mod entries;
mod error;
mod export;
mod follow;
mod keys;
pub mod migrations;
mod mirror;
mod people;
mod postgres;
mod read;
mod reader;
mod rows;
pub mod schema;
mod sqlite;
mod store;
mod upkeep;
mod verify;
mod write;
mod writer;

pub use audit_log::{AuditLog, Verification};
pub use changed::Changed;
pub use claim::{Claimed, Guess};
pub use config::Config;
pub use entries::AuditFilter;
pub use error::{OpenError, StoreError};
pub use export::ExportForm;
pub use follow::follow;
pub use people::Person;
pub use postgres::{Server, ServerError};
pub use read::ReadTx;
pub use store::{Settings, Store};
pub use upkeep::Upkeep;
pub use write::WriteTx;

#[cfg(test)]
mod tests;
