//! Whether somebody may change a group: what it holds is within their own, and nobody in it stands above them.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::{GroupId, UserId};
use watchroom_policy::{PermissionSet, Principal, Scope, may_give};
use watchroom_store::{StoreError, WriteTx};

use super::GroupError;
use super::known::{Given, given};
use crate::Identity;
use crate::entity::{group, group_grant, group_member, role};
use crate::roles::Roles;
use crate::users::{all_of, held_everywhere};

/// A group as the transaction sees it: its row, what it holds, and what roles give.
pub(super) struct Seen {
    pub(super) row: group::Model,
    pub(super) grants: Vec<Given>,
    roles: Roles,
}

impl Seen {
    /// The group as it is at this moment, not a moment ago.
    pub(super) async fn read(tx: &WriteTx, id: GroupId) -> Result<Self, GroupError> {
        let id = id.to_string();
        let row = tx
            .one(group::Entity::find_by_id(id.clone()))
            .await?
            .ok_or(GroupError::NotFound)?;
        let grants = group_grant::Entity::find().filter(group_grant::Column::GroupId.eq(id));
        let grants = tx.all(grants).await?;
        let grants = grants.iter().map(given).collect::<Result<_, StoreError>>()?;
        let roles = Roles::of(tx.all(role::Entity::find()).await?)?;
        Ok(Self { row, grants, roles })
    }

    /// What a role gives; one that is not there gives nothing.
    pub(super) fn gives(&self, role: &str) -> PermissionSet {
        self.roles
            .get(role)
            .map_or(PermissionSet::NONE, |role| role.permissions)
    }

    /// Whether there is such a role.
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.get(role).is_some()
    }

    /// Whether somebody holds all that the group holds, where it holds it.
    pub(super) fn is_within(&self, asks: &Principal) -> Result<(), GroupError> {
        let mut grants = self.grants.iter();
        match grants.all(|grant| may_give(asks, self.gives(&grant.role), &grant.scope)) {
            true => Ok(()),
            false => Err(GroupError::MoreThanOwn),
        }
    }

    /// What the group holds, for the log.
    pub(super) fn note(&self, tx: &WriteTx) {
        tx.note("group", self.row.name.as_str());
        let said = |role: &str, scope: &Scope| format!("{role} at {scope}");
        let held: Vec<String> = self
            .grants
            .iter()
            .map(|grant| said(&grant.role, &grant.scope))
            .collect();
        tx.note("holds", held);
    }
}

impl Identity {
    /// Whether this person stands at or below whoever asks, or is they.
    pub(super) fn is_below(&self, asks: &Principal, user: UserId) -> Result<(), GroupError> {
        if asks.user() == Some(user) {
            return Ok(());
        }
        // Somebody who is not on the roll holds nothing.
        let account = self.inner.roll.account(user);
        let held = account.map_or(PermissionSet::NONE, |account| all_of(&account.grants));
        match held_everywhere(asks).covers(held) {
            true => Ok(()),
            false => Err(GroupError::MoreThanOwn),
        }
    }

    /// Who is in the group at this moment, all of whom stand at or below whoever asks.
    pub(super) async fn members_below(
        &self,
        tx: &WriteTx,
        asks: &Principal,
        group: GroupId,
    ) -> Result<BTreeSet<String>, GroupError> {
        let rows = group_member::Entity::find().filter(group_member::Column::GroupId.eq(group.to_string()));
        // Somebody may be in it by several sources.
        let members: BTreeSet<String> = tx.all(rows).await?.into_iter().map(|row| row.user_id).collect();
        for member in &members {
            let user = member.parse().map_err(|_| {
                StoreError::Database("a value in group_members.user_id is not what it must be".to_owned())
            })?;
            self.is_below(asks, user)?;
        }
        Ok(members)
    }
}
