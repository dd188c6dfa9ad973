//! Work on nodes that takes longer than a request should.

use crate::schema::{Migration, Reference, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "operations",
    why: "who orders long work can follow it, call it off and read its end, on every Host alike and over a restart of it",
    steps: &[Step::Table(Table {
        name: "operations",
        columns: &[
            text("id"),
            text("kind"),
            text("node"),
            text("ordered_by"),
            text("state"),
            text("outcome"),
            // The servers that ran when it was ordered: how far it has come shows in them.
            text("servers"),
            bigint("begun_at"),
            bigint("expires_at"),
            bigint("ended_at").optional(),
        ],
        primary: &["id"],
        uniques: &[],
        references: &[Reference {
            name: "operation_node_fkey",
            column: "node",
            parent: "nodes",
            goes_with_parent: true,
        }],
    })],
};
