//! The cluster CAs, which all replicas share.

use crate::schema::{Migration, Step, Table, Unique, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "cluster_authorities",
    why: "replicas sign with one cluster CA, and learn of a rotation from each other",
    steps: &[Step::Table(Table {
        name: "cluster_authorities",
        columns: &[
            // The SHA-256 of its certificate.
            text("fingerprint"),
            // That of the CA whose place it took; empty for the first. Unique, so that of two Hosts that rotate, or found
            // a cluster, at once one wins.
            text("replaces"),
            // Its certificate, and its key under the cluster's seal.
            text("sealed"),
        ],
        primary: &["fingerprint"],
        uniques: &[Unique {
            name: "cluster_authority_replaces_key",
            columns: &["replaces"],
        }],
        references: &[],
    })],
};
