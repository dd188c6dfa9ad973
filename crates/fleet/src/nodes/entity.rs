//! The table of nodes.

use sea_orm::entity::prelude::*;

/// One node's record.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "nodes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    pub address: String,
    pub port: i64,
    pub version: String,
    pub is_local: bool,
    /// `approved`, `pending`, `revoked` or `locked`; liveness is not stored.
    pub status: String,
    /// A JSON object of text.
    pub labels: String,
    pub last_ping: Option<i64>,
    pub certificate_expires_at: Option<i64>,
    pub created_at: i64,
    /// The SHA-256 of its public key, as people compare it; absent for the Host's own.
    pub key_fingerprint: Option<String>,
    /// Of the cluster token only this is kept.
    pub token_hash: Option<String>,
    pub token_expires_at: Option<i64>,
    pub revoked_why: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
