//! Cookies of browsers that are remembered for a month, which change while they are.

use crate::schema::{Migration, Step, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "rotating_cookies",
    why: "a cookie that was copied is found out: one of the two that have it shows one that is good no longer",
    steps: &[
        // Of the part of the cookie that changes only digests are kept: of what is good now, and of what was before.
        Step::Column {
            table: "sessions",
            column: text("rotation_hash").optional(),
        },
        Step::Column {
            table: "sessions",
            column: text("rotation_before").optional(),
        },
        Step::Column {
            table: "sessions",
            column: bigint("rotated_at").optional(),
        },
    ],
};
