//! Locks on people, tokens, nodes, roles, or everything.

use crate::schema::{Migration, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "locks",
    why: "a lock survives a restart, holds on every replica, and is over by itself",
    steps: &[
        Step::Table(Table {
            name: "locks",
            columns: &[
                text("id"),
                // `user:<id>`, `token:<id>`, `node:<id>`, `role:<name>` or `everything`.
                text("target"),
                text("reason"),
                text("made_by"),
                bigint("created_at"),
                bigint("until"),
                bigint("lifted_at").optional(),
                text("lifted_by").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[],
        }),
        Step::Index {
            name: "lock_until_idx",
            table: "locks",
            columns: &["until"],
        },
    ],
};
