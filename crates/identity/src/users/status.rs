//! Disabling and enabling accounts. A disabled one loses its sessions at once and its tokens open nothing.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Select};
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Permit, Scope, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::{UserStatus, UserView, all_of, held_everywhere};
use crate::Identity;
use crate::entity::{grant, group_grant, group_member, user};
use crate::links::void_ways_in;
use crate::roles::ADMIN;
use crate::sessions::end_sessions;

/// Why an account was not changed, handed over or erased.
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// There is no such account.
    #[error("no such account")]
    Unknown,
    /// Nobody could administer Watchroom any more.
    #[error("the last active administrator was to go")]
    LastAdministrator,
    /// The account holds more than whoever asks.
    #[error("the account holds more than whoever asks")]
    MoreThanOwn,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for ChangeUserError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unknown => FaultKind::NotFound,
            Self::LastAdministrator => FaultKind::Conflict,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Unknown => "not-found",
            Self::LastAdministrator => "last-administrator",
            Self::MoreThanOwn => "more-than-own",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Unknown => "there is no such account".to_owned(),
            Self::LastAdministrator => {
                "this is the last active administrator; make another one before".to_owned()
            }
            Self::MoreThanOwn => "this person holds more than you; ask an administrator".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

impl Identity {
    /// Disables or enables the account that the permit was given for.
    ///
    /// # Errors
    /// [`ChangeUserError`].
    pub async fn change_status(
        &self,
        permit: &Permit<act::ChangeUser>,
        status: UserStatus,
    ) -> Result<UserView, ChangeUserError> {
        let id = permit.resource().owner().ok_or(ChangeUserError::Unknown)?;
        let account = self.inner.roll.account(id).ok_or(ChangeUserError::Unknown)?;
        if !held_everywhere(permit.principal()).covers(all_of(&account.grants)) {
            return Err(ChangeUserError::MoreThanOwn);
        }
        let now = self.inner.ambient.clock.now_micros();
        let changed = self.inner.store.write(permit, async move |tx| {
            let text = id.to_string();
            let before = tx
                .one(user::Entity::find_by_id(text.clone()))
                .await?
                .ok_or(ChangeUserError::Unknown)?;
            let had = has_administrator(tx).await?;
            if status == UserStatus::Disabled {
                end_sessions(tx, &text, None).await?;
                void_ways_in(tx, id, now).await?;
            }
            let update = user::Entity::update_many()
                .col_expr(user::Column::Status, Expr::value(status.word()))
                .filter(user::Column::Id.eq(text));
            tx.update(update).await?;
            if had && !has_administrator(tx).await? {
                return Err(ChangeUserError::LastAdministrator);
            }
            tx.note("before", before.status);
            tx.note("after", status.word());
            tx.changed(Changed::User(id));
            Ok(())
        });
        changed.await?;
        self.reread(id).await?;
        let account = self.inner.roll.account(id).ok_or(ChangeUserError::Unknown)?;
        Ok(UserView::from(account.as_ref()))
    }
}

/// Whether an account may be used, as the transaction sees it.
pub(crate) async fn is_active(tx: &WriteTx, user: &str) -> Result<bool, StoreError> {
    let row = tx.one(user::Entity::find_by_id(user.to_owned())).await?;
    Ok(row.is_some_and(|row| row.status == UserStatus::Active.word()))
}

/// Whether any active account administers everything, by its own grant or by a group's.
pub(crate) async fn has_administrator(tx: &WriteTx) -> Result<bool, StoreError> {
    Ok(tx.one(administrators()).await?.is_some())
}

/// The active accounts that administer everything, by their own grant or by a group's.
fn administrators() -> Select<user::Entity> {
    let everywhere = Scope::Everything.to_string();
    let by_themselves = Query::select()
        .column(grant::Column::UserId)
        .from(grant::Entity)
        .and_where(grant::Column::Role.eq(ADMIN))
        .and_where(grant::Column::Scope.eq(everywhere.as_str()))
        .to_owned();
    let groups = Query::select()
        .column(group_grant::Column::GroupId)
        .from(group_grant::Entity)
        .and_where(group_grant::Column::Role.eq(ADMIN))
        .and_where(group_grant::Column::Scope.eq(everywhere.as_str()))
        .to_owned();
    let by_groups = Query::select()
        .column(group_member::Column::UserId)
        .from(group_member::Entity)
        .and_where(group_member::Column::GroupId.in_subquery(groups))
        .to_owned();
    let holds = Condition::any()
        .add(user::Column::Id.in_subquery(by_themselves))
        .add(user::Column::Id.in_subquery(by_groups));
    user::Entity::find()
        .filter(user::Column::Status.eq(UserStatus::Active.word()))
        .filter(holds)
}
