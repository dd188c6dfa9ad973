//! The groups there are, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchroom_model::{GrantId, GroupId};
use watchroom_policy::Scope;
use watchroom_store::StoreError;

use crate::entity::{group, group_grant};

/// A role that a group was given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) id: GrantId,
    pub(crate) role: String,
    pub(crate) scope: Scope,
}

/// A group with what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: GroupId,
    pub(crate) name: Arc<str>,
    pub(crate) made_by: String,
    pub(crate) created_at: i64,
    pub(crate) grants: Vec<Given>,
}

/// That somebody is in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) group: GroupId,
    /// The provider whose word puts them there; `None` where a person did.
    pub(crate) provider: Option<Arc<str>>,
}

/// All groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(BTreeMap<GroupId, Known>);

impl Groups {
    /// As rows say.
    pub(crate) fn of(rows: Vec<group::Model>, grants: Vec<group_grant::Model>) -> Result<Self, StoreError> {
        let mut groups = BTreeMap::new();
        for row in rows {
            let id = row.id.parse().map_err(|_| damaged("user_groups.id"))?;
            let known = Known {
                id,
                name: row.name.into(),
                made_by: row.made_by,
                created_at: row.created_at,
                grants: Vec::new(),
            };
            groups.insert(id, known);
        }
        for row in grants {
            let of: GroupId = row
                .group_id
                .parse()
                .map_err(|_| damaged("group_grants.group_id"))?;
            // Given between the two readings: what told of the group tells of this too.
            if let Some(group) = groups.get_mut(&of) {
                group.grants.push(given(&row)?);
            }
        }
        Ok(Self(groups))
    }

    /// The group of this id.
    pub(crate) fn get(&self, id: GroupId) -> Option<&Known> {
        self.0.get(&id)
    }

    /// The group of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Known> {
        self.0.values().find(|group| *group.name == *name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }
}

/// What a row says was given.
pub(super) fn given(row: &group_grant::Model) -> Result<Given, StoreError> {
    Ok(Given {
        id: row.id.parse().map_err(|_| damaged("group_grants.id"))?,
        role: row.role.clone(),
        scope: row.scope.parse().map_err(|_| damaged("group_grants.scope"))?,
    })
}

fn damaged(column: &str) -> StoreError {
    StoreError::Database(format!("a value in {column} is not what it must be"))
}
