//! Small settings of this Host: which chain it writes, when it last proved a sync.

use crate::schema::{Migration, Step, Table, text};

pub(super) const MIGRATION: Migration = Migration {
    name: "host",
    why: "the Host must find its own facts again after a restart",
    steps: &[Step::Table(Table {
        name: "host",
        columns: &[text("key"), text("value")],
        primary: &["key"],
        uniques: &[],
        references: &[],
    })],
};
