//! The ordered set of migrations, one file per idea, for both engines.
//!
//! To change the schema, add a file with one `Migration` and put it last in [`ALL`]. What has been
//! released is never edited: databases out there have already run it.

mod m0001_host;
mod m0002_audit;
mod m0003_users;
mod m0004_sessions;
mod m0005_tokens;
mod m0006_nodes;
mod m0007_servers;
mod m0008_idempotency;
mod m0009_joining;
mod m0010_node_links;
mod m0011_chains;
mod m0012_operations;
mod m0013_bans;
mod m0014_cluster_authorities;
mod m0015_second_factors;
mod m0016_lockouts;
mod m0017_decoy_tokens;
mod m0018_outside_identities;
mod m0019_letters;
mod m0020_one_time_links;
mod m0021_token_families;
mod m0022_rotating_cookies;
mod m0023_passkeys;
mod m0024_locks;
mod m0025_roles;
mod m0026_groups;
mod m0027_decoy_touches;
mod m0028_whole_proofs;

use crate::schema::{Column, Migration, Reference, Step, Table, Type, Unique};

/// Every migration, oldest first; a schema's version is how many of them it has.
pub const ALL: &[Migration] = &[
    m0001_host::MIGRATION,
    m0002_audit::MIGRATION,
    m0003_users::MIGRATION,
    m0004_sessions::MIGRATION,
    m0005_tokens::MIGRATION,
    m0006_nodes::MIGRATION,
    m0007_servers::MIGRATION,
    m0008_idempotency::MIGRATION,
    m0009_joining::MIGRATION,
    m0010_node_links::MIGRATION,
    m0011_chains::MIGRATION,
    m0012_operations::MIGRATION,
    m0013_bans::MIGRATION,
    m0014_cluster_authorities::MIGRATION,
    m0015_second_factors::MIGRATION,
    m0016_lockouts::MIGRATION,
    m0017_decoy_tokens::MIGRATION,
    m0018_outside_identities::MIGRATION,
    m0019_letters::MIGRATION,
    m0020_one_time_links::MIGRATION,
    m0021_token_families::MIGRATION,
    m0022_rotating_cookies::MIGRATION,
    m0023_passkeys::MIGRATION,
    m0024_locks::MIGRATION,
    m0025_roles::MIGRATION,
    m0026_groups::MIGRATION,
    m0027_decoy_touches::MIGRATION,
    m0028_whole_proofs::MIGRATION,
];

/// Every table that a migration makes.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    ALL.iter()
        .flat_map(|migration| migration.steps)
        .filter_map(|step| match step {
            Step::Table(table) => Some(table),
            Step::Unique { .. } | Step::Column { .. } | Step::Index { .. } => None,
        })
}

/// What a column of a table holds.
pub(crate) fn holds(table: &str, column: &str) -> Option<Type> {
    columns()
        .find(|(on, known)| *on == table && known.name == column)
        .map(|(_, known)| known.holds)
}

/// Every column with its table.
pub(crate) fn columns() -> impl Iterator<Item = (&'static str, &'static Column)> {
    let added = ALL
        .iter()
        .flat_map(|migration| migration.steps)
        .filter_map(|step| match step {
            Step::Column { table, column } => Some((*table, column)),
            Step::Table(_) | Step::Unique { .. } | Step::Index { .. } => None,
        });
    let made = tables().flat_map(|made| made.columns.iter().map(|column| (made.name, column)));
    made.chain(added)
}

/// Every unique with its table.
pub(crate) fn uniques() -> impl Iterator<Item = (&'static str, &'static Unique)> {
    ALL.iter()
        .flat_map(|migration| migration.steps)
        .flat_map(|step| match step {
            Step::Table(table) => table.uniques.iter().map(|unique| (table.name, unique)).collect(),
            Step::Unique { table, unique } => vec![(*table, unique)],
            Step::Column { .. } | Step::Index { .. } => Vec::new(),
        })
}

/// Every reference with its table.
pub(crate) fn references() -> impl Iterator<Item = (&'static str, &'static Reference)> {
    tables().flat_map(|table| table.references.iter().map(|reference| (table.name, reference)))
}
