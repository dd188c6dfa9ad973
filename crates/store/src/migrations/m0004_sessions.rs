//! Browsers that have proven who sits before them.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "sessions",
    why: "a session outlives a restart, and of its cookie only the hash is kept",
    steps: &[
        Step::Table(Table {
            name: "sessions",
            columns: &[
                text("id"),
                text("user_id"),
                text("cookie_hash"),
                text("csrf"),
                bigint("created_at"),
                bigint("last_seen"),
                bigint("expires_at"),
                bigint("proven_at"),
                boolean("remember"),
                text("user_agent").optional(),
                text("source_ip").optional(),
            ],
            primary: &["id"],
            uniques: &[Unique {
                name: "session_cookie_key",
                columns: &["cookie_hash"],
            }],
            references: &[Reference {
                name: "session_user_fkey",
                column: "user_id",
                parent: "users",
                goes_with_parent: true,
            }],
        }),
        Step::Index {
            name: "session_user_idx",
            table: "sessions",
            columns: &["user_id"],
        },
    ],
};
