//! The table `letters`: what waits to be delivered, and what nobody took.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "letters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What it tells, as a word.
    pub kind: String,
    /// The person, where there is one.
    pub user_id: Option<String>,
    pub recipient: String,
    /// Subject and text, sealed; empty once it has been given up.
    pub content: String,
    /// Nobody has that address: it is dropped where others are carried.
    pub is_blank: bool,
    pub created_at: i64,
    /// When it was last refused for now.
    pub tried_at: Option<i64>,
    pub given_up_at: Option<i64>,
    /// Why it was given up.
    pub problem: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
