//! The servers that nodes supervise.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "servers",
    why: "what a server should be and what its node last said of it; a node with servers cannot be removed",
    steps: &[Step::Table(Table {
        name: "servers",
        columns: &[
            text("id"),
            text("node_id"),
            text("name"),
            text("spec"),
            text("desired"),
            text("status"),
            text("reason"),
            bigint("pid").optional(),
            bigint("started_at").optional(),
            bigint("exit_code").optional(),
            text("limited_by"),
            bigint("created_at"),
            bigint("updated_at"),
        ],
        primary: &["id"],
        uniques: &[Unique {
            name: "server_name_key",
            columns: &["node_id", "name"],
        }],
        references: &[Reference {
            name: "server_node_fkey",
            column: "node_id",
            parent: "nodes",
            goes_with_parent: false,
        }],
    })],
};
