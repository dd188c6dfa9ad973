//! The table `tokens`: API tokens.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub owner: String,
    pub name: String,
    /// Of the token only this is kept.
    pub secret_hash: String,
    /// A JSON list of permissions, or absent for all the owner holds.
    pub permissions: Option<String>,
    /// A JSON list of networks, or absent for anywhere.
    pub networks: Option<String>,
    pub may_be_sensitive: bool,
    pub created_at: i64,
    pub expires_at: i64,
    pub last_used: Option<i64>,
    pub revoked_at: Option<i64>,
    /// Whether whoever made it had proven a second factor, or was on the Unix socket.
    pub is_proven: Option<bool>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
