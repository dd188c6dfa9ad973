//! Who would gain or lose what if a group had other members or held something else: shown before it is done.

use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_model::{GrantId, GroupId, UserId};
use watchroom_policy::{Grant, PermissionSet, Scope};

use super::{GroupError, NewGroupGrant, Source};
use crate::Identity;
use crate::roles::{Held, WhatIf, held};
use crate::roll::Account;

/// Most of each kind in one draft: whoever may look ahead shall not keep a core busy by it.
const MOST: usize = 100;

/// What might be done to a group: at most a hundred of each kind.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDraft {
    /// Who would be put in.
    #[serde(default)]
    pub add: Vec<UserId>,
    /// Who would be taken out, whoever put them there.
    #[serde(default)]
    pub remove: Vec<UserId>,
    /// Which roles it would be given.
    #[serde(default)]
    pub give: Vec<NewGroupGrant>,
    /// Which grants would be taken from it.
    #[serde(default)]
    pub take: Vec<GrantId>,
}

impl Identity {
    /// Who would gain or lose what if this were done to the group. Whoever calls this has found out that the caller may see
    /// groups.
    ///
    /// # Errors
    /// [`GroupError`] for what is not there, and for too much.
    pub fn what_if_group(&self, id: GroupId, draft: &GroupDraft) -> Result<WhatIf, GroupError> {
        let lengths = [
            ("add", draft.add.len()),
            ("remove", draft.remove.len()),
            ("give", draft.give.len()),
            ("take", draft.take.len()),
        ];
        if let Some((field, _)) = lengths.into_iter().find(|(_, length)| *length > MOST) {
            return Err(GroupError::invalid(field, "at most 100 at once"));
        }
        let ground = self.inner.roll.ground();
        let group = ground.groups.get(id).ok_or(GroupError::NotFound)?;
        let is_there = |user: &UserId| self.inner.roll.account(*user).is_some();
        if !draft.add.iter().all(is_there) {
            return Err(GroupError::NoUser);
        }
        let has = |id: &GrantId| group.grants.iter().any(|grant| grant.id == *id);
        if !draft.take.iter().all(has) {
            return Err(GroupError::NoGrant);
        }
        // A role that is not there any more gives nothing.
        let gives = |role: &str| ground.roles.get(role).map(|role| role.permissions);
        let kept = group
            .grants
            .iter()
            .filter(|grant| !draft.take.contains(&grant.id));
        let mut then: Vec<Held<'_>> = kept
            .map(|grant| (gives(&grant.role).unwrap_or(PermissionSet::NONE), &grant.scope))
            .collect();
        for new in &draft.give {
            then.push((gives(&new.role).ok_or(GroupError::NoRole)?, &new.scope));
        }
        let now = group.grants.iter().map(|grant| &grant.scope);
        let scopes: Vec<&Scope> = now.chain(then.iter().map(|(_, scope)| *scope)).collect();
        let is_in = |account: &Account| account.groups.iter().any(|one| one.group == id);
        let mut answer = WhatIf::default();
        for account in self.active_by_name(|account| is_in(account) || draft.add.contains(&account.id)) {
            let is_by_this = |grant: &&Grant| is_from(&grant.source, &group.name);
            let before: Vec<Held<'_>> = account.grants.iter().map(held).collect();
            let others = account.grants.iter().filter(|grant| !is_by_this(grant));
            let mut after: Vec<Held<'_>> = others.map(held).collect();
            let stays = is_in(&account) && !draft.remove.contains(&account.id);
            if stays || draft.add.contains(&account.id) {
                after.extend(&then);
            }
            answer.compare(&account, scopes.iter().copied(), (&before, &after));
        }
        Ok(answer)
    }
}

/// Whether these words say that a grant comes from that group.
fn is_from(words: &str, group: &str) -> bool {
    let source = Source {
        group: Some(group),
        provider: Source::provider_of(words),
    };
    source.to_string() == words
}
