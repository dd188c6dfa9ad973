//! Giving a group another name. Rules of providers find groups by their names: another name may leave out at their next
//! sign-in whom a rule put there, and let in whom another rule names. So nobody does it who could not remove the group and
//! make it anew.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::create::named;
use super::within::Seen;
use super::{GroupError, GroupView, group_of};
use crate::Identity;
use crate::entity::group;

impl Identity {
    /// Gives the group that the permit was given for another name. Who is in it and what it holds stay.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn rename_group(
        &self,
        permit: &Permit<act::RenameGroup>,
        name: &str,
    ) -> Result<GroupView, GroupError> {
        let (id, name) = (group_of(permit)?, named(name)?);
        let (asks, house) = (permit.principal().clone(), self.clone());
        let written = self.inner.store.write(permit, async move |tx| {
            let seen = Seen::read(tx, id).await?;
            seen.is_within(&asks)?;
            house.members_below(tx, &asks, id).await?;
            let update = group::Entity::update_many()
                .col_expr(group::Column::Name, Expr::value(name.as_str()))
                .filter(group::Column::Id.eq(id.to_string()));
            tx.update(update).await?;
            tx.note("before", seen.row.name.as_str());
            tx.note("after", name.as_str());
            tx.changed(Changed::Roles);
            Ok::<_, GroupError>(())
        });
        written.await?;
        self.reread_roles().await?;
        self.group(id).ok_or(GroupError::NotFound)
    }
}
