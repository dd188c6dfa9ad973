//! Answers to requests that carry an idempotency key.

use crate::schema::{Migration, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "idempotency",
    why: "a repeated request is answered as the first one was; the answer comes after the intent",
    steps: &[
        Step::Table(Table {
            name: "idempotency",
            columns: &[
                text("principal"),
                text("key"),
                text("fingerprint"),
                text("response").optional(),
                bigint("created_at"),
            ],
            primary: &["principal", "key"],
            uniques: &[Unique {
                name: "idempotency_key",
                columns: &["principal", "key"],
            }],
            references: &[],
        }),
        Step::Index {
            name: "idempotency_created_idx",
            table: "idempotency",
            columns: &["created_at"],
        },
    ],
};
