//! Showing who was given which role.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use watchroom_model::{GrantId, Page, PageRequest, UserId, UserName};
use watchroom_policy::{Resource, Scope, Target};
use watchroom_store::StoreError;

use super::GivingError;
use crate::Identity;
use crate::entity::grant;

/// A role that somebody was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantListed {
    /// Its id.
    pub id: GrantId,
    /// Who has it.
    pub user: UserId,
    /// What they sign in with.
    pub name: Option<UserName>,
    /// Which role.
    pub role: String,
    /// Where it holds: `everything`, `node:<id>`, `node-label:<key>=<value>` or `server:<id>`.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// The provider whose word gives it; `null` where a person gave it.
    pub given_by_provider: Option<String>,
}

impl Target for GrantListed {
    fn resource(&self) -> Resource {
        Resource::grant(self.id)
    }
}

/// Which grants are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct GrantFilter {
    /// Of this person alone.
    pub user: Option<UserId>,
    /// Of this role alone.
    pub role: Option<String>,
}

impl Identity {
    /// Grants. Whoever calls this has found out that the caller may see them.
    ///
    /// # Errors
    /// [`GivingError`].
    pub async fn grants(
        &self,
        filter: &GrantFilter,
        request: &PageRequest,
    ) -> Result<Page<GrantListed>, GivingError> {
        let mut select = grant::Entity::find();
        if let Some(user) = filter.user {
            select = select.filter(grant::Column::UserId.eq(user.to_string()));
        }
        if let Some(role) = &filter.role {
            select = select.filter(grant::Column::Role.eq(role.as_str()));
        }
        let read = self.inner.store.read().await?;
        let page = read.page(select, grant::Column::Id, request).await?;
        let items = page.items.iter().map(|row| self.grant_listed(row));
        Ok(Page {
            items: items.collect::<Result<_, StoreError>>()?,
            next_cursor: page.next_cursor,
        })
    }

    /// One grant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant(&self, id: GrantId) -> Result<Option<GrantListed>, StoreError> {
        let read = self.inner.store.read().await?;
        let row = read.one(grant::Entity::find_by_id(id.to_string())).await?;
        row.map(|row| self.grant_listed(&row)).transpose()
    }

    pub(super) fn grant_listed(&self, row: &grant::Model) -> Result<GrantListed, StoreError> {
        let damaged =
            |column| StoreError::Database(format!("a value in user_grants.{column} is not what it must be"));
        let user = row.user_id.parse().map_err(|_| damaged("user_id"))?;
        Ok(GrantListed {
            id: row.id.parse().map_err(|_| damaged("id"))?,
            name: self.name_of(user),
            user,
            role: row.role.clone(),
            scope: row.scope.parse().map_err(|_| damaged("scope"))?,
            given_by_provider: row.source.clone(),
        })
    }
}
