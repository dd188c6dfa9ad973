//! A person locks somebody or something for a while.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_model::{LockId, Reason};
use watchroom_policy::{Grant, Permit, Principal, Scope, Who, act};
use watchroom_store::{Changed, StoreError};

use super::error::Bystander;
use super::{LockError, LockTarget, LockView};
use crate::entity::{lock, session};
use crate::roll::Account;
use crate::sessions::end_sessions;
use crate::users::{UserStatus, is_local};
use crate::{Identity, stamp};

/// The longest lock, in seconds: a year. Whoever is to stay out for longer is disabled.
const LONGEST_S: u64 = 366 * 86_400;

/// A lock to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLock {
    /// `user:<id>`, `token:<id>`, `node:<id>`, `role:<name>` or `everything`.
    #[schema(value_type = String)]
    pub target: LockTarget,
    /// Seconds it lasts: 1 to a year.
    pub for_s: u64,
    /// Why: 1 to 500 characters.
    pub reason: String,
    /// That it may shut out whoever makes it, or the last administrator.
    #[serde(default)]
    pub confirm: bool,
}

impl Identity {
    /// Locks. When this returns, the lock is kept and holds on this replica; on the others within a second. Whose node
    /// it is on, the caller has found out.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn make_lock(
        &self,
        permit: &Permit<act::CreateLock>,
        new: NewLock,
    ) -> Result<LockView, LockError> {
        let id = permit.resource().id().and_then(|id| id.parse::<LockId>().ok());
        let id = id.ok_or(LockError::NotFound)?;
        let reason = new.reason.trim().parse::<Reason>();
        let reason = reason.map_err(|_| LockError::invalid("reason", Reason::RULE))?;
        if !(1..=LONGEST_S).contains(&new.for_s) {
            return Err(LockError::invalid(
                "for_s",
                "a second at least and 366 days at most",
            ));
        }
        self.is_within_own(permit, &new.target)?;
        if !new.confirm
            && let Some(whom) = self.bystander(permit.principal(), &new.target)
        {
            return Err(LockError::Held(whom));
        }
        let now = self.inner.ambient.clock.now_micros();
        let seconds =
            u32::try_from(new.for_s).map_err(|_| LockError::invalid("for_s", "366 days at most"))?;
        let row = lock::Model {
            id: id.to_string(),
            target: new.target.to_string(),
            reason: reason.to_string(),
            made_by: permit.principal().display_name(),
            created_at: now,
            until: now.saturating_add(stamp::seconds(seconds)),
            lifted_at: None,
            lifted_by: None,
        };
        let (kept, target) = (row.clone(), new.target);
        let written = self.inner.store.write(permit, async move |tx| {
            tx.insert(active(&kept)).await?;
            match &target {
                LockTarget::User(user) => _ = end_sessions(tx, &user.to_string(), None).await?,
                LockTarget::Everything => {
                    let ended = tx.delete(session::Entity::delete_many()).await?;
                    tx.note("sessions_ended", ended);
                }
                LockTarget::Token(_) | LockTarget::Node(_) | LockTarget::Role(_) => {}
            }
            tx.note("target", kept.target.as_str());
            tx.note("reason", kept.reason.as_str());
            tx.note("until", rfc3339(stamp::at(kept.until)));
            tx.changed(Changed::Lock(id));
            Ok::<_, StoreError>(())
        });
        written.await?;
        self.reread_locks().await?;
        Ok(self.lock_view(row)?)
    }

    /// Whom the lock would shut out that nobody shuts out unasked. Root on the socket always gets in, and is asked nothing.
    fn bystander(&self, asks: &Principal, target: &LockTarget) -> Option<Bystander> {
        if is_local(asks) {
            return None;
        }
        let is_own = match target {
            LockTarget::User(user) => asks.user() == Some(*user),
            LockTarget::Token(token) => matches!(&asks.who, Who::Token { id, .. } if id == token),
            LockTarget::Role(role) => asks.grants.iter().any(|grant| grant.role.name == *role),
            LockTarget::Node(_) => false,
            LockTarget::Everything => true,
        };
        if is_own {
            return Some(Bystander::Oneself);
        }
        let is_shut_out = |account: &Account, grant: &Grant| match target {
            LockTarget::User(user) => account.id == *user,
            LockTarget::Role(role) => grant.role.name == *role,
            _ => false,
        };
        let (mut before, mut after) = (0_u32, 0_u32);
        for account in self.inner.roll.accounts(|_| true) {
            let can_come = account.status == UserStatus::Active && account.locked_until.is_none();
            let mut rules = account
                .usable
                .iter()
                .filter(|grant| can_come && is_administration(grant));
            before += u32::from(rules.clone().next().is_some());
            after += u32::from(rules.any(|grant| !is_shut_out(&account, grant)));
        }
        (before > 0 && after == 0).then_some(Bystander::LastAdministrator)
    }
}

/// Whether this grant alone administers everything.
fn is_administration(grant: &Grant) -> bool {
    grant.scope == Scope::Everything && grant.role.permissions == watchroom_policy::PermissionSet::ALL
}

fn active(row: &lock::Model) -> lock::ActiveModel {
    let row = row.clone();
    lock::ActiveModel {
        id: Set(row.id),
        target: Set(row.target),
        reason: Set(row.reason),
        made_by: Set(row.made_by),
        created_at: Set(row.created_at),
        until: Set(row.until),
        lifted_at: Set(row.lifted_at),
        lifted_by: Set(row.lifted_by),
    }
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}
