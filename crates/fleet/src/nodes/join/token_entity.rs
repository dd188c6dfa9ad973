//! The table of invitations.

use sea_orm::entity::prelude::*;

/// One invitation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "join_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub secret_hash: String,
    /// The name that whoever uses it gets.
    pub node_name: Option<String>,
    /// The node whose name and place it gives to another key.
    pub replaces: Option<String>,
    /// A JSON object of text.
    pub labels: String,
    /// Whether it lets machines in by itself.
    pub admits: bool,
    pub uses: i64,
    pub uses_left: i64,
    pub created_by: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
