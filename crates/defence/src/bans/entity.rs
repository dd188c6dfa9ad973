//! The table of bans.

use sea_orm::entity::prelude::*;

/// One ban, in force or not.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub network: String,
    pub kind: String,
    pub reason: String,
    /// A JSON list of text.
    pub evidence: String,
    pub made_by: String,
    /// The how manieth of its network; 0 for those that people made.
    pub step: i64,
    pub created_at: i64,
    /// Absent without an end.
    pub until: Option<i64>,
    /// Whom it would hit, if it waits or waited for somebody to confirm it.
    pub held_because: Option<String>,
    pub confirmed_at: Option<i64>,
    pub confirmed_by: Option<String>,
    pub lifted_at: Option<i64>,
    pub lifted_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
