//! How machines join: invitations, requests, and what a node is known by.

use crate::schema::{Migration, Reference, Step, Table, Unique, bigint, boolean, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "joining",
    why: "a machine is let in by a person, once, and is known by its key ever after; of secrets only hashes are kept",
    steps: &[
        Step::Table(Table {
            name: "join_tokens",
            columns: &[
                text("id"),
                text("secret_hash"),
                text("node_name").optional(),
                text("replaces").optional(),
                text("labels"),
                boolean("admits"),
                bigint("uses"),
                bigint("uses_left"),
                text("created_by"),
                bigint("created_at"),
                bigint("expires_at"),
                bigint("revoked_at").optional(),
            ],
            primary: &["id"],
            uniques: &[Unique {
                name: "join_token_secret_key",
                columns: &["secret_hash"],
            }],
            references: &[Reference {
                name: "join_token_replaces_fkey",
                column: "replaces",
                parent: "nodes",
                goes_with_parent: true,
            }],
        }),
        Step::Table(Table {
            name: "join_requests",
            columns: &[
                text("id"),
                text("name"),
                text("address"),
                text("from_address"),
                bigint("port"),
                text("version"),
                text("key_fingerprint"),
                text("certificate_request"),
                text("words"),
                text("poll_hash"),
                text("status"),
                text("reason").optional(),
                text("replaces").optional(),
                text("labels"),
                text("join_token").optional(),
                text("node").optional(),
                text("decided_by").optional(),
                bigint("requested_at"),
                bigint("expires_at"),
                bigint("decided_at").optional(),
                bigint("handed_over_at").optional(),
            ],
            primary: &["id"],
            uniques: &[],
            references: &[Reference {
                name: "join_request_node_fkey",
                column: "node",
                parent: "nodes",
                goes_with_parent: true,
            }],
        }),
        Step::Index {
            name: "join_request_status_idx",
            table: "join_requests",
            columns: &["status", "requested_at"],
        },
        Step::Index {
            name: "join_request_from_idx",
            table: "join_requests",
            columns: &["from_address", "requested_at"],
        },
        Step::Column {
            table: "nodes",
            column: text("key_fingerprint").optional(),
        },
        Step::Column {
            table: "nodes",
            column: text("token_hash").optional(),
        },
        Step::Column {
            table: "nodes",
            column: bigint("token_expires_at").optional(),
        },
        Step::Column {
            table: "nodes",
            column: text("revoked_why").optional(),
        },
    ],
};
