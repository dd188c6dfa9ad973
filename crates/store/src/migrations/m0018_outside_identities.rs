//! Who people are elsewhere: their accounts at directories and providers, and what those say of their roles.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "outside_identities",
    why: "a person may be vouched for by a directory or a provider, and is then known by what never changes there",
    steps: &[
        Step::Table(Table {
            name: "outside_identities",
            columns: &[
                text("id"),
                // The way in and the provider's name here: `oidc:example`, `ldap:corp`.
                text("provider"),
                // Whose word it is, as the provider calls itself: another one under the same name here is another.
                text("realm"),
                // Who they are there.
                text("subject"),
                text("user_id"),
                // What they are called there, for people to read.
                text("label"),
                bigint("created_at"),
                bigint("last_used").optional(),
            ],
            primary: &["id"],
            uniques: &[Unique {
                name: "outside_identity_subject_key",
                columns: &["provider", "realm", "subject"],
            }],
            references: &[Reference {
                name: "outside_identity_user_fkey",
                column: "user_id",
                parent: "users",
                goes_with_parent: true,
            }],
        }),
        Step::Index {
            name: "outside_identities_by_user",
            table: "outside_identities",
            columns: &["user_id"],
        },
        Step::Table(Table {
            name: "spent_errands",
            columns: &[
                // A digest: what came back from a provider is taken once, on all replicas together.
                text("errand"),
                bigint("until"),
            ],
            primary: &["until", "errand"],
            uniques: &[Unique {
                name: "spent_errand_key",
                columns: &["errand"],
            }],
            references: &[],
        }),
        // The provider whose word gives the role; absent where a person gave it.
        Step::Column {
            table: "user_grants",
            column: text("source").optional(),
        },
        // How the session began, where that was not a password.
        Step::Column {
            table: "sessions",
            column: text("began_by").optional(),
        },
    ],
};
