//! Disabling and enabling accounts. A disabled one loses its sessions at once and its tokens open nothing.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Permit, Scope, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::{UserStatus, UserView, all_of, held_everywhere};
use crate::Identity;
use crate::entity::{grant, session, user};
use crate::links::void_ways_in;

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// There is no such account.
    #[error("no such account")]
    Unknown,
    /// Nobody could administer Watchroom any more.
    #[error("the last active administrator was to be disabled")]
    LastAdministrator,
    /// The account holds more than whoever wants to change it.
    #[error("the account holds more than whoever wants to change it")]
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
                "this is the last active administrator; make another one before disabling it".to_owned()
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
            if status == UserStatus::Disabled {
                if is_last_administrator(tx, &text).await? {
                    return Err(ChangeUserError::LastAdministrator);
                }
                end_sessions(tx, &text, None).await?;
                void_ways_in(tx, id, now).await?;
            }
            let update = user::Entity::update_many()
                .col_expr(user::Column::Status, Expr::value(status.word()))
                .filter(user::Column::Id.eq(text));
            tx.update(update).await?;
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

/// Ends all sessions of a person but one, as part of a change; how many that were.
pub(crate) async fn end_sessions(tx: &WriteTx, user: &str, but: Option<&str>) -> Result<u64, StoreError> {
    let mut ended = Condition::all().add(session::Column::UserId.eq(user));
    if let Some(but) = but {
        ended = ended.add(session::Column::Id.ne(but));
    }
    let ended = tx.delete(session::Entity::delete_many().filter(ended)).await?;
    tx.note("sessions_ended", ended);
    Ok(ended)
}

/// Whether this account administers everything and no other active one does.
pub(crate) async fn is_last_administrator(tx: &WriteTx, user: &str) -> Result<bool, StoreError> {
    let administrators = || {
        Condition::all()
            .add(grant::Column::Role.eq("admin"))
            .add(grant::Column::Scope.eq(Scope::Everything.to_string()))
    };
    let own = administrators().add(grant::Column::UserId.eq(user));
    if tx.one(grant::Entity::find().filter(own)).await?.is_none() {
        return Ok(false);
    }
    let holders = Query::select()
        .column(grant::Column::UserId)
        .from(grant::Entity)
        .cond_where(administrators())
        .to_owned();
    let other = user::Entity::find()
        .filter(user::Column::Id.ne(user))
        .filter(user::Column::Status.eq(UserStatus::Active.word()))
        .filter(user::Column::Id.in_subquery(holders));
    Ok(tx.one(other).await?.is_none())
}
