//! People's accounts and the roles they hold.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "users",
    why: "people sign in by name, names are the same whatever their case, and hold roles at scopes",
    steps: &[
        Step::Table(Table {
            name: "users",
            columns: &[
                text("id"),
                text("name"),
                text("name_folded"),
                text("display_name"),
                text("email").optional(),
                text("call_sign").optional(),
                text("password_hash").optional(),
                text("status"),
                bigint("created_at"),
                bigint("last_sign_in").optional(),
            ],
            primary: &["id"],
            uniques: &[Unique {
                name: "user_name_key",
                columns: &["name_folded"],
            }],
            references: &[],
        }),
        Step::Table(Table {
            name: "user_grants",
            columns: &[text("id"), text("user_id"), text("role"), text("scope")],
            primary: &["id"],
            uniques: &[Unique {
                name: "user_grant_key",
                columns: &["user_id", "role", "scope"],
            }],
            references: &[Reference {
                name: "user_grant_user_fkey",
                column: "user_id",
                parent: "users",
                goes_with_parent: true,
            }],
        }),
    ],
};
