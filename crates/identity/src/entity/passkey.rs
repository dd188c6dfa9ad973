//! The table `passkeys`: public keys by which people prove who they are.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub user_id: String,
    pub name: String,
    pub rp_id: String,
    pub credential_id: String,
    pub public_key: String,
    /// See `factors::passkey`.
    pub binding: String,
    pub counter: i64,
    pub may_be_copied: bool,
    pub created_at: i64,
    pub last_used: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
