//! Showing locks to those who see people.

use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use watchroom_model::{LockId, Page, PageRequest};
use watchroom_policy::{Principal, Reach, Resource, Target, permission, reach};
use watchroom_store::StoreError;

use super::follow::{hold, target_of};
use super::{LockError, LockTarget};
use crate::entity::lock;
use crate::{Identity, stamp};

/// A lock as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LockView {
    /// Its id.
    pub id: LockId,
    /// What it is on: `user:<id>`, `token:<id>`, `node:<id>`, `role:<name>` or `everything`.
    #[schema(value_type = String)]
    pub target: LockTarget,
    /// What people call that; `null` where it is gone, or is a node.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub made_by: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Who lifted it before.
    pub lifted_by: Option<String>,
}

impl Target for LockView {
    fn resource(&self) -> Resource {
        Resource::lock(self.id)
    }
}

/// Which locks are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct LockFilter {
    /// `all` with those that are over or were lifted. Default: those that hold.
    pub status: String,
}

impl Identity {
    /// Locks, oldest first, for those who may see people.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn locks(
        &self,
        principal: &Principal,
        filter: &LockFilter,
        request: &PageRequest,
    ) -> Result<Page<LockView>, LockError> {
        let mut select = lock::Entity::find();
        match filter.status.as_str() {
            "" | "active" => select = select.filter(hold(self.inner.ambient.clock.now_micros())),
            "all" => {}
            _ => {
                return Err(LockError::invalid(
                    "status",
                    "active or all; leave it out for active",
                ));
            }
        }
        if reach(principal, permission::USERS_READ) != Reach::Everything {
            select = select.filter(Expr::value(false));
        }
        let read = self.inner.store.read().await?;
        let page = read.page(select, lock::Column::Id, request).await?;
        let views = page.items.into_iter().map(|row| self.lock_view(row));
        Ok(Page {
            items: views.collect::<Result<_, StoreError>>()?,
            next_cursor: page.next_cursor,
        })
    }

    /// One lock, whether it holds or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock(&self, id: LockId) -> Result<Option<LockView>, StoreError> {
        let read = self.inner.store.read().await?;
        let row = read.one(lock::Entity::find_by_id(id.to_string())).await?;
        row.map(|row| self.lock_view(row)).transpose()
    }

    pub(super) fn lock_view(&self, row: lock::Model) -> Result<LockView, StoreError> {
        let target = target_of(&row)?;
        let damaged = |_| StoreError::Database("locks.id cannot be read".to_owned());
        Ok(LockView {
            id: row.id.parse().map_err(damaged)?,
            name: match &target {
                LockTarget::User(user) => self.name_of(*user).map(|name| name.to_string()),
                LockTarget::Token(token) => {
                    let owner = self.inner.roll.token_by_id(*token).map(|bearer| bearer.owner);
                    owner
                        .and_then(|owner| self.name_of(owner))
                        .map(|name| format!("a token of {name}"))
                }
                LockTarget::Role(role) => Some(role.clone()),
                LockTarget::Node(_) | LockTarget::Everything => None,
            },
            target,
            reason: row.reason,
            made_by: row.made_by,
            created_at: stamp::at(row.created_at),
            until: stamp::at(row.until),
            lifted_by: row.lifted_by,
        })
    }
}
