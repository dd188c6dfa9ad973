//! Programs that somebody signed in by name and password: sessions without a cookie.

use crate::schema::{Migration, Step, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "token_families",
    why: "a program's sign-in ends with everything that ends a browser's, so it is a session too, with a token that changes at each use",
    steps: &[Step::Column {
        table: "sessions",
        // Of the token that is good now only this is kept; a browser's session has none.
        column: text("refresh_hash").optional(),
    }],
};
