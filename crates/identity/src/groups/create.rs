//! Making a group. It is empty and holds nothing.

use sea_orm::ActiveValue::Set;
use watchroom_model::GroupId;
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::{GroupError, GroupView};
use crate::Identity;
use crate::entity::group;
use crate::roles::is_name;

impl Identity {
    /// Makes a group.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn create_group(
        &self,
        permit: &Permit<act::CreateGroup>,
        name: &str,
    ) -> Result<GroupView, GroupError> {
        let name = named(name)?;
        let id = GroupId::mint(&self.inner.ambient);
        let by = permit.principal().display_name();
        let now = self.inner.ambient.clock.now_micros();
        let written = self.inner.store.write(permit, async move |tx| {
            tx.insert(group::ActiveModel {
                id: Set(id.to_string()),
                name: Set(name.clone()),
                made_by: Set(by.clone()),
                created_at: Set(now),
            })
            .await?;
            tx.note_resource(format!("group:{id}"));
            tx.note("name", name.as_str());
            tx.changed(Changed::Roles);
            Ok::<_, GroupError>(())
        });
        written.await?;
        self.reread_roles().await?;
        self.group(id).ok_or(GroupError::NotFound)
    }
}

/// A name as groups have them.
pub(super) fn named(name: &str) -> Result<String, GroupError> {
    match is_name(name) {
        true => Ok(name.to_owned()),
        false => {
            let rule = "1 to 32 small letters, digits or -, the first a letter";
            Err(GroupError::invalid("name", rule))
        }
    }
}
