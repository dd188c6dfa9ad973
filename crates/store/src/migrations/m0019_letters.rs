//! The outbox: letters that wait to be delivered, and those that nobody took.

use crate::schema::{Migration, Step, Table, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "letters",
    why: "a letter is written in the commit that it tells of, and survives until a mail server has taken it",
    steps: &[
        Step::Table(Table {
            name: "letters",
            columns: &[
                text("id"),
                text("kind"),
                text("user_id").optional(),
                text("recipient"),
                // Sealed: links in it open doors. Empty once it has been given up.
                text("content"),
                // For an address that nobody has, so that asking costs the same.
                boolean("is_blank"),
                bigint("created_at"),
                bigint("tried_at").optional(),
                bigint("given_up_at").optional(),
                text("problem").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[],
        }),
        Step::Index {
            name: "letter_created_idx",
            table: "letters",
            columns: &["created_at"],
        },
    ],
};
