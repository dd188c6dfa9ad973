//! The table `spent_errands`: what came back from a provider and is not taken again.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "spent_errands")]
pub struct Model {
    /// A digest of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub errand: String,
    /// When it would no longer be taken anyway.
    pub until: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
