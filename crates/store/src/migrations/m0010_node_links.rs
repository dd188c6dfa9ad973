//! What every Host keeps of each node's newest link.

use crate::schema::{Migration, Reference, Step, Table, bigint, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "node_links",
    why: "two machines with one key are told apart over restarts, and by every Host alike",
    steps: &[Step::Table(Table {
        name: "node_links",
        columns: &[
            text("node"),
            // The process that dialled last, and the number of its dial.
            text("agent"),
            bigint("epoch"),
            // Why the node is turned away until a person decides.
            text("fence").optional(),
            // How often it has come back with an expired certificate since a person decided last.
            bigint("returns"),
            // The fingerprint of the CA that made its certificate.
            text("authority").optional(),
        ],
        primary: &["node"],
        uniques: &[],
        references: &[Reference {
            name: "node_link_node_fkey",
            column: "node",
            parent: "nodes",
            goes_with_parent: true,
        }],
    })],
};
