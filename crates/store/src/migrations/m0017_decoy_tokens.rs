//! Decoy tokens: what looks like a token of ours, opens nothing, and tells of whoever tries it.

use crate::schema::{Migration, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "decoy_tokens",
    why: "somebody who finds a token where none should be found gives himself away by trying it, on any replica",
    steps: &[Step::Table(Table {
        name: "decoy_tokens",
        columns: &[
            text("id"),
            // Where it was laid out, in words.
            text("name"),
            text("secret_hash"),
            text("made_by"),
            bigint("created_at"),
            // When somebody tried it last, and how often that was told.
            bigint("touched_at").optional(),
            bigint("touches"),
        ],
        primary: &["id"],
        uniques: &[Unique {
            name: "decoy_token_name_key",
            columns: &["name"],
        }],
        references: &[],
    })],
};
