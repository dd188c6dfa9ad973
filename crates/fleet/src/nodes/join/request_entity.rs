//! The table of machines that asked to join.

use sea_orm::entity::prelude::*;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "join_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    /// Where the machine says it is.
    pub address: String,
    /// Where the request came from; empty for the Host's own machine.
    pub from_address: String,
    pub port: i64,
    pub version: String,
    pub key_fingerprint: String,
    /// PKCS#10 in DER, as base64.
    pub certificate_request: String,
    /// Six, with a space between.
    pub words: String,
    pub poll_hash: String,
    /// `pending`, `approved`, `rejected` or `denied`; what nobody decided in time has expired.
    pub status: String,
    pub reason: Option<String>,
    /// The node whose name and place it asks for.
    pub replaces: Option<String>,
    /// A JSON object of text.
    pub labels: String,
    pub join_token: Option<String>,
    /// The node that it became.
    pub node: Option<String>,
    pub decided_by: Option<String>,
    pub requested_at: i64,
    pub expires_at: i64,
    pub decided_at: Option<i64>,
    pub handed_over_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
