//! Passkeys: public keys by which people prove who they are.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "passkeys",
    why: "a key that never leaves its device cannot be given away on a false page",
    steps: &[
        Step::Table(Table {
            name: "passkeys",
            columns: &[
                text("id"),
                text("user_id"),
                text("name"),
                // The host name for which it was made; it works under that one alone.
                text("rp_id"),
                // What its authenticator calls it.
                text("credential_id"),
                text("public_key"),
                // Says that key, name and person belong together, by a secret that is in no database.
                text("binding"),
                // How often it was used, where its authenticator counts that; it only rises.
                bigint("counter"),
                // Whether it may be copied; that never changes.
                boolean("may_be_copied"),
                bigint("created_at"),
                bigint("last_used").optional(),
            ],
            primary: &["id"],
            uniques: &[Unique {
                name: "passkey_credential_key",
                columns: &["credential_id"],
            }],
            references: &[Reference {
                name: "passkey_user_fkey",
                column: "user_id",
                parent: "users",
                goes_with_parent: true,
            }],
        }),
        Step::Index {
            name: "passkeys_by_user",
            table: "passkeys",
            columns: &["user_id"],
        },
    ],
};
