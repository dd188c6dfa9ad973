//! Showing lockouts to those who see people.

use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use watchroom_kit::FieldFault;
use watchroom_model::{LockoutId, Page, PageRequest, UserId, UserName};
use watchroom_policy::{Principal, Reach, Resource, Target, permission, reach};
use watchroom_store::StoreError;

use super::follow::hold;
use super::{LiftLockoutError, Scope};
use crate::entity::lockout;
use crate::{Identity, stamp};

/// What a lockout keeps closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockoutScope {
    /// The account, for one network.
    Network,
    /// The account, for every browser that has not signed in before.
    Everywhere,
    /// The account, for one browser that has.
    Device,
}

/// A lockout as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LockoutView {
    /// Its id.
    pub id: LockoutId,
    /// Whose account is locked; `null` where the name that was tried is nobody's.
    pub user: Option<UserId>,
    /// What they sign in with.
    pub name: Option<UserName>,
    /// For whom it is locked.
    pub scope: LockoutScope,
    /// The network, where it is locked for one alone.
    pub network: Option<String>,
    /// The failures that led to it.
    pub failures: u32,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Who lifted it before.
    pub lifted_by: Option<String>,
}

impl Target for LockoutView {
    fn resource(&self) -> Resource {
        Resource::lockout(self.id)
    }
}

/// Which lockouts are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct LockoutFilter {
    /// `all` with those that are over or were lifted. Default: those that hold.
    pub status: String,
}

impl Identity {
    /// Lockouts, oldest first, for those who may see people.
    ///
    /// # Errors
    /// [`LiftLockoutError`].
    pub async fn lockouts(
        &self,
        principal: &Principal,
        filter: &LockoutFilter,
        request: &PageRequest,
    ) -> Result<Page<LockoutView>, LiftLockoutError> {
        let now = self.inner.ambient.clock.now_micros();
        let mut select = lockout::Entity::find();
        match filter.status.as_str() {
            "" | "active" => select = select.filter(hold(now)),
            "all" => {}
            _ => {
                let rule = "active or all; leave it out for active";
                return Err(LiftLockoutError::Filter(FieldFault::new(
                    "status", "invalid", rule,
                )));
            }
        }
        if reach(principal, permission::USERS_READ) != Reach::Everything {
            select = select.filter(Expr::value(false));
        }
        let read = self.inner.store.read().await?;
        let page = read.page(select, lockout::Column::Id, request).await?;
        let views = page.items.into_iter().map(|row| self.lockout_view(row));
        Ok(Page {
            items: views.collect::<Result<_, StoreError>>()?,
            next_cursor: page.next_cursor,
        })
    }

    /// One lockout, whether it holds or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lockout(&self, id: LockoutId) -> Result<Option<LockoutView>, StoreError> {
        let read = self.inner.store.read().await?;
        let row = read.one(lockout::Entity::find_by_id(id.to_string())).await?;
        row.map(|row| self.lockout_view(row)).transpose()
    }

    fn lockout_view(&self, row: lockout::Model) -> Result<LockoutView, StoreError> {
        let damaged = |column: &str| StoreError::Database(format!("lockouts.{column} cannot be read"));
        let user: Option<UserId> = row
            .user_id
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| damaged("user_id"))?;
        let scopes = [
            (Scope::Network, LockoutScope::Network),
            (Scope::Everywhere, LockoutScope::Everywhere),
            (Scope::Device, LockoutScope::Device),
        ];
        let scope = scopes.into_iter().find(|(scope, _)| scope.word() == row.scope);
        Ok(LockoutView {
            id: row.id.parse().map_err(|_| damaged("id"))?,
            user,
            name: user.and_then(|user| self.name_of(user)),
            scope: scope.ok_or_else(|| damaged("scope"))?.1,
            network: row.network,
            failures: u32::try_from(row.failures).map_err(|_| damaged("failures"))?,
            created_at: stamp::at(row.created_at),
            until: stamp::at(row.until),
            lifted_by: row.lifted_by,
        })
    }
}
