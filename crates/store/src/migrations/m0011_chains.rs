//! The chains of the audit log, one for each replica.

use crate::schema::{Migration, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "chains",
    why: "each replica writes a chain of its own, and a checkpoint signs the heads of all of them",
    steps: &[Step::Table(Table {
        name: "chains",
        columns: &[text("chain"), bigint("started_at")],
        primary: &["chain"],
        uniques: &[],
        references: &[],
    })],
};
