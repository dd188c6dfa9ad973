//! Ways in that work once: invitations, new passwords, confirmations of addresses, sign-in links.

use crate::schema::{Migration, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "one_time_links",
    why: "a link is good for one thing, once, for a while, and whoever reads the database cannot use it",
    steps: &[
        Step::Table(Table {
            name: "one_time_links",
            columns: &[
                text("id"),
                text("kind"),
                // Of the secret only this is kept.
                text("secret_hash"),
                text("user_id").optional(),
                text("made_by").optional(),
                text("email").optional(),
                text("role").optional(),
                bigint("created_at"),
                bigint("expires_at"),
                bigint("used_at").optional(),
                // The browser that asked, and the code that it shows: of both only the digests.
                text("browser_hash").optional(),
                text("code_hash").optional(),
                bigint("tries"),
            ],
            primary: &["id"],
            uniques: &[Unique {
                name: "one_time_link_secret_key",
                columns: &["secret_hash"],
            }],
            references: &[],
        }),
        Step::Index {
            name: "one_time_link_expires_idx",
            table: "one_time_links",
            columns: &["expires_at"],
        },
    ],
};
