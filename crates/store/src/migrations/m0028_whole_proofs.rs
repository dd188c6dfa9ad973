//! When a session last proved each of the things that its person signs in with.

use crate::schema::{Migration, Step, bigint};

pub(super) const MIGRATION: Migration = Migration {
    name: "whole_proofs",
    why: "who changes how they sign in proves all that they sign in with, and not whichever of it is easiest to have",
    steps: &[
        Step::Column {
            table: "sessions",
            column: bigint("password_at").optional(),
        },
        Step::Column {
            table: "sessions",
            column: bigint("factor_at").optional(),
        },
    ],
};
