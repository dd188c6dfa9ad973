//! The table `sessions`: browsers that have proven who sits before them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub user_id: String,
    /// Of the cookie only this is kept.
    pub cookie_hash: String,
    pub csrf: String,
    pub created_at: i64,
    pub last_seen: i64,
    /// The end whatever the person does; inactivity may end it sooner.
    pub expires_at: i64,
    /// When anything was last proven.
    pub proven_at: i64,
    /// When the password was; and a second factor.
    pub password_at: Option<i64>,
    pub factor_at: Option<i64>,
    pub remember: bool,
    pub user_agent: Option<String>,
    pub source_ip: Option<String>,
    /// The second factor that was proven, as a word.
    pub second_factor: Option<String>,
    /// How it began, where that was not a password: `oidc:<name>`, `ldap:<name>`.
    pub began_by: Option<String>,
    /// Of the token by which a program goes on only this is kept; a browser has none.
    pub refresh_hash: Option<String>,
    /// Of the part of a remembered browser's cookie that changes, where it did; and of the one before.
    pub rotation_hash: Option<String>,
    pub rotation_before: Option<String>,
    pub rotated_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
