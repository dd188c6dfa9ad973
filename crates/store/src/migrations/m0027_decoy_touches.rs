//! From where a decoy token was tried last.

use crate::schema::{Migration, Step, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "decoy_touches",
    why: "the address of whoever tried a decoy stands beside it, and need not be looked for in the log",
    steps: &[Step::Column {
        table: "decoy_tokens",
        column: text("touched_from").optional(),
    }],
};
