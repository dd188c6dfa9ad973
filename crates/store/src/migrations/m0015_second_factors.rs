//! Second factors: seeds of one-time codes, recovery codes, and what a session or a token's maker has proven.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "second_factors",
    why: "whoever needs a second factor reaches nothing with the first alone",
    steps: &[
        Step::Table(Table {
            name: "totp_factors",
            columns: &[
                text("id"),
                text("user_id"),
                text("name"),
                // Sealed, with the name of the key that sealed it.
                text("seed"),
                // The newest step whose code was taken; neither it nor an older one is taken again.
                bigint("last_step"),
                bigint("created_at"),
                bigint("last_used").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[Reference {
                name: "totp_factor_user_fkey",
                column: "user_id",
                parent: "users",
                goes_with_parent: true,
            }],
        }),
        Step::Index {
            name: "totp_factors_by_user",
            table: "totp_factors",
            columns: &["user_id"],
        },
        Step::Table(Table {
            name: "recovery_codes",
            columns: &[
                text("user_id"),
                // Of the code only this is kept; the row goes when the code is used.
                text("code_hash"),
            ],
            primary: &["user_id", "code_hash"],
            uniques: &[],
            references: &[Reference {
                name: "recovery_code_user_fkey",
                column: "user_id",
                parent: "users",
                goes_with_parent: true,
            }],
        }),
        Step::Table(Table {
            name: "sealing_keys",
            columns: &[
                // The name of a key, not the key: that is derived from a secret which is in no database.
                text("name"),
                // The key whose place it took. Unique, so that of two Hosts that rotate at once one wins.
                text("replaces"),
                bigint("created_at"),
            ],
            primary: &["name"],
            uniques: &[Unique {
                name: "sealing_key_replaces_key",
                columns: &["replaces"],
            }],
            references: &[],
        }),
        // The second factor that the session has proven.
        Step::Column {
            table: "sessions",
            column: text("second_factor").optional(),
        },
        // Whether whoever made the token had proven a second factor, or was on the Unix socket.
        Step::Column {
            table: "tokens",
            column: boolean("is_proven").optional(),
        },
    ],
};
