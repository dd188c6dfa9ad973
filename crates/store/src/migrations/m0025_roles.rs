//! Roles that people make, and built-in ones as people have changed them.

use crate::schema::{Migration, Step, Table, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "roles",
    why: "what a role gives is the house's own to say, apart from the administrator's",
    steps: &[Step::Table(Table {
        name: "roles",
        columns: &[
            text("name"),
            // A JSON list of patterns, as they were given: `nodes:*` goes on to mean what is added to nodes later.
            text("permissions"),
            bigint("per_minute"),
            boolean("needs_second_factor"),
            text("changed_by"),
            bigint("changed_at"),
        ],
        primary: &["name"],
        uniques: &[],
        references: &[],
    })],
};
