//! The machines that run the node agent.

use crate::schema::{Migration, Step, Table, Unique, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "nodes",
    why: "a node is known before it dials in and after it went away",
    steps: &[Step::Table(Table {
        name: "nodes",
        columns: &[
            text("id"),
            text("name"),
            text("address"),
            bigint("port"),
            text("version"),
            boolean("is_local"),
            text("status"),
            text("labels"),
            bigint("last_ping").optional(),
            bigint("certificate_expires_at").optional(),
            bigint("created_at"),
        ],
        primary: &["id"],
        uniques: &[Unique {
            name: "node_name_key",
            columns: &["name"],
        }],
        references: &[],
    })],
};
