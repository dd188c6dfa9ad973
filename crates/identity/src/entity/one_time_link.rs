//! The table `one_time_links`: ways in that work once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "one_time_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub kind: String,
    /// Of the secret only this is kept.
    pub secret_hash: String,
    /// Whose account it is about, if it is about one.
    pub user_id: Option<String>,
    /// Whose account made it; absent for the Unix socket and strangers.
    pub made_by: Option<String>,
    pub email: Option<String>,
    /// What an invitation gives.
    pub role: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    /// Of the cookie of the browser that asked, where it is bound to one.
    pub browser_hash: Option<String>,
    /// Of the code that this browser shows.
    pub code_hash: Option<String>,
    /// How often another browser came with a wrong code.
    pub tries: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
