//! Bans: who is kept out, from what, why and until when.

use crate::schema::{Migration, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "bans",
    why: "a ban survives a restart, holds on every replica, and the next one of the same network lasts longer",
    steps: &[
        Step::Table(Table {
            name: "bans",
            columns: &[
                text("id"),
                text("network"),
                text("kind"),
                text("reason"),
                text("evidence"),
                text("made_by"),
                bigint("step"),
                bigint("created_at"),
                bigint("until").optional(),
                text("held_because").optional(),
                bigint("confirmed_at").optional(),
                text("confirmed_by").optional(),
                bigint("lifted_at").optional(),
                text("lifted_by").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[],
        }),
        Step::Index {
            name: "ban_network_idx",
            table: "bans",
            columns: &["network", "created_at"],
        },
    ],
};
