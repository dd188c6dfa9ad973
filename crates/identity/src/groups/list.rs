//! Showing groups, who is in them and what they hold.

use sea_orm::EntityTrait;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{GrantId, GroupId, Page, PageRequest, UserId, UserName};
use watchroom_policy::{Resource, Scope, Target};

use super::known::Known;
use crate::entity::group;
use crate::roll::Account;
use crate::users::ReadError;
use crate::{Identity, stamp};

/// A group as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupView {
    /// Its id.
    pub id: GroupId,
    /// Its name; rules of providers put people into it by that.
    pub name: String,
    /// Who is in it, by name.
    pub members: Vec<Member>,
    /// The roles that it holds.
    pub grants: Vec<HeldByGroup>,
    /// Who made it.
    pub made_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// What they sign in with.
    pub name: UserName,
    /// The providers whose word puts them there, for sessions that begin there.
    pub by_providers: Vec<String>,
    /// Whether a person put them there.
    pub is_by_hand: bool,
}

/// A role that a group holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldByGroup {
    /// The id of the grant.
    pub id: GrantId,
    /// Which role.
    pub role: String,
    /// Where it holds: `everything`, `node:<id>`, `node-label:<key>=<value>` or `server:<id>`.
    #[schema(value_type = String)]
    pub scope: Scope,
}

impl Target for GroupView {
    fn resource(&self) -> Resource {
        Resource::group(self.id).labelled(self.name.as_str())
    }
}

impl GroupView {
    fn new(group: &Known, people: &[std::sync::Arc<Account>]) -> Self {
        let member = |account: &std::sync::Arc<Account>| {
            let own = account.groups.iter().filter(|one| one.group == group.id);
            let by_providers: Vec<String> = own
                .clone()
                .filter_map(|one| Some(one.provider.as_deref()?.to_owned()))
                .collect();
            let is_by_hand = own.clone().any(|one| one.provider.is_none());
            let is_in = is_by_hand || !by_providers.is_empty();
            is_in.then(|| Member {
                user: account.id,
                name: account.name.clone(),
                by_providers,
                is_by_hand,
            })
        };
        let mut members: Vec<Member> = people.iter().filter_map(member).collect();
        members.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        let held = group.grants.iter().map(|grant| HeldByGroup {
            id: grant.id,
            role: grant.role.clone(),
            scope: grant.scope.clone(),
        });
        Self {
            id: group.id,
            name: group.name.to_string(),
            members,
            grants: held.collect(),
            made_by: group.made_by.clone(),
            created_at: stamp::at(group.created_at),
        }
    }
}

impl Identity {
    /// Groups as pages, in the order in which they were made. Whoever calls this has found out that the caller may see them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn groups_page(&self, request: &PageRequest) -> Result<Page<GroupView>, ReadError> {
        request.limit()?;
        let read = self.inner.store.read().await?;
        let page = read
            .page(group::Entity::find(), group::Column::Id, request)
            .await?;
        let people = self.inner.roll.accounts(|account| !account.groups.is_empty());
        let ground = self.inner.roll.ground();
        // Those in memory are the same with their grants; one that is not there has just been made or removed.
        let ids = page.items.iter().filter_map(|row| row.id.parse().ok());
        let views = ids
            .filter_map(|id| ground.groups.get(id))
            .map(|group| GroupView::new(group, &people));
        Ok(Page {
            items: views.collect(),
            next_cursor: page.next_cursor,
        })
    }

    /// All groups, by name. Whoever calls this has found out that the caller may see them.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        let people = self.inner.roll.accounts(|account| !account.groups.is_empty());
        let ground = self.inner.roll.ground();
        let mut groups: Vec<GroupView> = ground
            .groups
            .all()
            .map(|group| GroupView::new(group, &people))
            .collect();
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        groups
    }

    /// One group.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<GroupView> {
        let is_in = |account: &Account| account.groups.iter().any(|one| one.group == id);
        let people = self.inner.roll.accounts(is_in);
        let ground = self.inner.roll.ground();
        ground.groups.get(id).map(|group| GroupView::new(group, &people))
    }
}
