//! API tokens.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "tokens",
    why: "programs act for people with less than people may; of a token only the hash is kept",
    steps: &[Step::Table(Table {
        name: "tokens",
        columns: &[
            text("id"),
            text("owner"),
            text("name"),
            text("secret_hash"),
            text("permissions").optional(),
            text("networks").optional(),
            boolean("may_be_sensitive"),
            bigint("created_at"),
            bigint("expires_at"),
            bigint("last_used").optional(),
            bigint("revoked_at").optional(),
        ],
        primary: &["id"],
        uniques: &[
            Unique {
                name: "token_secret_key",
                columns: &["secret_hash"],
            },
            Unique {
                name: "token_name_key",
                columns: &["owner", "name"],
            },
        ],
        references: &[Reference {
            name: "token_owner_fkey",
            column: "owner",
            parent: "users",
            goes_with_parent: true,
        }],
    })],
};
