//! The table of servers.

use sea_orm::entity::prelude::*;

/// One server: what was asked for, and what its node last said.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub node_id: String,
    pub name: String,
    /// The specification, as JSON.
    pub spec: String,
    pub desired: String,
    pub status: String,
    pub reason: String,
    pub pid: Option<i64>,
    pub started_at: Option<i64>,
    pub exit_code: Option<i64>,
    pub limited_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
