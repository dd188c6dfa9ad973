//! The table `guesses`: tries at passwords of the last hour. [`watchroom_store::Guess`] makes its rows.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "guesses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// A digest: whose tries these are.
    pub budget: String,
    pub at: i64,
    pub failed_at: Option<i64>,
    /// It was right, and costs nothing.
    pub right_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
