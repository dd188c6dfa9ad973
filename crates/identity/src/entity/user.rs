//! The table `users`: people's accounts.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    /// The name in lower case, by which names are the same.
    pub name_folded: String,
    pub display_name: String,
    pub email: Option<String>,
    pub call_sign: Option<String>,
    /// A PHC string; absent where the person cannot sign in by password.
    pub password_hash: Option<String>,
    pub status: String,
    pub created_at: i64,
    pub last_sign_in: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
