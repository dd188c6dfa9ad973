//! The table `lockouts`: what is or was locked, for whom and until when.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lockouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// A digest of what is locked.
    pub door: String,
    pub scope: String,
    /// Absent where the name is nobody's.
    pub user_id: Option<String>,
    pub network: Option<String>,
    pub failures: i64,
    pub created_at: i64,
    pub until: i64,
    pub lifted_at: Option<i64>,
    pub lifted_by: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
