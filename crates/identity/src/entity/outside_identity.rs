//! The table `outside_identities`: who people are at directories and providers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outside_identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// `oidc:<name>` or `ldap:<name>`.
    pub provider: String,
    /// As the provider calls itself.
    pub realm: String,
    /// What never changes of the person there.
    pub subject: String,
    pub user_id: String,
    /// What they are called there.
    pub label: String,
    pub created_at: i64,
    pub last_used: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
