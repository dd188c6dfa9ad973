//! The audit chain and its signed checkpoints.

use crate::schema::{Migration, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "audit",
    why: "an entry commits with the change it tells of, so it lives beside it",
    steps: &[
        Step::Table(Table {
            name: "entries",
            columns: &[
                text("chain"),
                bigint("seq"),
                bigint("at"),
                text("event_type"),
                text("actor"),
                text("action"),
                text("resource"),
                text("result"),
                text("source_ip").optional(),
                text("user_agent").optional(),
                text("request_id").optional(),
                text("decision_id").optional(),
                text("extra"),
                text("prev_hash"),
                text("hash"),
            ],
            primary: &["chain", "seq"],
            uniques: &[],
            references: &[],
        }),
        Step::Index {
            name: "entry_at_idx",
            table: "entries",
            columns: &["at"],
        },
        Step::Table(Table {
            name: "checkpoints",
            columns: &[text("chain"), bigint("seq"), bigint("at"), text("line")],
            primary: &["chain", "seq"],
            uniques: &[],
            references: &[],
        }),
    ],
};
