//! Lockouts, and the tries at passwords that lead to them.

use crate::schema::{Migration, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "lockouts",
    why: "a lockout survives a restart and holds on every replica, and a password is tried no oftener however many there are",
    steps: &[
        Step::Table(Table {
            name: "guesses",
            columns: &[
                text("id"),
                // Whose budget it counts against: a keyed digest of an account's name, a browser or a session. What people
                // typed is not kept.
                text("budget"),
                bigint("at"),
                bigint("failed_at").optional(),
                // It was right, and costs nothing.
                bigint("right_at").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[],
        }),
        Step::Index {
            name: "guess_budget_idx",
            table: "guesses",
            columns: &["budget", "at"],
        },
        Step::Index {
            name: "guess_at_idx",
            table: "guesses",
            columns: &["at"],
        },
        Step::Table(Table {
            name: "lockouts",
            columns: &[
                text("id"),
                // What is locked: a digest of the name and a network, of the name alone, of a browser or a session.
                text("door"),
                text("scope"),
                // Absent where the name is nobody's.
                text("user_id").optional(),
                text("network").optional(),
                bigint("failures"),
                bigint("created_at"),
                bigint("until"),
                bigint("lifted_at").optional(),
                text("lifted_by").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[],
        }),
        Step::Index {
            name: "lockout_until_idx",
            table: "lockouts",
            columns: &["until"],
        },
    ],
};
