//! The table of operations.

use sea_orm::entity::prelude::*;

/// One operation. Its progress is not kept: it shows in how its servers are.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub kind: String,
    pub node: String,
    /// Who ordered it, as people call them.
    pub ordered_by: String,
    /// `underway`, `done`, `failed` or `called_off`.
    pub state: String,
    /// What became of it, in words.
    pub outcome: String,
    /// The ids of the servers that ran when it was ordered, as a JSON list.
    pub servers: String,
    pub begun_at: i64,
    /// Until when the node is asked for its answer.
    pub expires_at: i64,
    pub ended_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
