//! The table `locks`: who or what is locked, why and until when.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "locks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// `user:<id>`, `token:<id>`, `node:<id>`, `role:<name>` or `everything`.
    pub target: String,
    pub reason: String,
    pub made_by: String,
    pub created_at: i64,
    pub until: i64,
    pub lifted_at: Option<i64>,
    pub lifted_by: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
