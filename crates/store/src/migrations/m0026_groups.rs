//! Groups of people, who is in them, and the roles that they hold.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "groups",
    why: "what several people are to hold is given to them together, by a person or by a provider's word",
    steps: &[
        Step::Table(Table {
            name: "user_groups",
            columns: &[text("id"), text("name"), text("made_by"), bigint("created_at")],
            primary: &["id"],
            uniques: &[Unique {
                name: "group_name_key",
                columns: &["name"],
            }],
            references: &[],
        }),
        Step::Table(Table {
            name: "group_members",
            columns: &[
                text("group_id"),
                text("user_id"),
                // The provider whose word puts them there, or `directly` where a person did. Both may.
                text("source"),
            ],
            primary: &["group_id", "user_id", "source"],
            uniques: &[Unique {
                name: "group_member_key",
                columns: &["group_id", "user_id", "source"],
            }],
            references: &[
                Reference {
                    name: "group_member_group_fkey",
                    column: "group_id",
                    parent: "user_groups",
                    goes_with_parent: true,
                },
                Reference {
                    name: "group_member_user_fkey",
                    column: "user_id",
                    parent: "users",
                    goes_with_parent: true,
                },
            ],
        }),
        Step::Index {
            name: "group_members_by_user",
            table: "group_members",
            columns: &["user_id"],
        },
        Step::Table(Table {
            name: "group_grants",
            columns: &[text("id"), text("group_id"), text("role"), text("scope")],
            primary: &["id"],
            uniques: &[Unique {
                name: "group_grant_key",
                columns: &["group_id", "role", "scope"],
            }],
            references: &[Reference {
                name: "group_grant_group_fkey",
                column: "group_id",
                parent: "user_groups",
                goes_with_parent: true,
            }],
        }),
    ],
};
