//! The table `decoy_tokens`: texts that look like tokens and open nothing.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decoy_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    /// Of the text only this is kept.
    pub secret_hash: String,
    pub made_by: String,
    pub created_at: i64,
    pub touched_at: Option<i64>,
    pub touches: i64,
    /// The address of whoever tried it last.
    pub touched_from: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
