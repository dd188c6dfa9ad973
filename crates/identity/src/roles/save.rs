//! Making a role, and changing what one gives.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_policy::{Permit, Principal, Role, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::{ADMIN, RoleError, RoleView, covers};
use crate::Identity;
use crate::entity::role;
use crate::users::is_local;

/// What a role is to give.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleDraft {
    /// Patterns: `*`, `resource:*` or `resource:verb`.
    pub permissions: Vec<String>,
    /// Requests a minute its holders may make, 1 to 1000. Default 100.
    #[serde(default = "usual_rate")]
    pub per_minute: u32,
    /// Whether its holders must prove a second factor, whatever the configuration says. Default false.
    #[serde(default)]
    pub requires_second_factor: bool,
}

/// As many as most of the built-in roles allow.
const fn usual_rate() -> u32 {
    100
}

/// As many as an administrator may make.
const MOST_A_MINUTE: u32 = 1_000;
/// Patterns there may be: more than there are permissions say nothing more.
const MOST_PATTERNS: usize = 64;

impl RoleDraft {
    /// The role that it would be.
    pub(super) fn role(&self, name: &str) -> Result<Role, RoleError> {
        if self.permissions.len() > MOST_PATTERNS {
            return Err(RoleError::invalid("permissions", "64 patterns at most"));
        }
        if !(1..=MOST_A_MINUTE).contains(&self.per_minute) {
            return Err(RoleError::invalid("per_minute", "1 at least and 1000 at most"));
        }
        let patterns: Vec<&str> = self.permissions.iter().map(String::as_str).collect();
        Role::new(name, &patterns, self.per_minute)
            .map_err(|error| RoleError::invalid("permissions", &error.to_string()))
    }

    fn row(&self, name: &str, by: &str, now: i64) -> Result<role::ActiveModel, StoreError> {
        Ok(role::ActiveModel {
            name: Set(name.to_owned()),
            permissions: Set(json(&self.permissions)?),
            per_minute: Set(self.per_minute.into()),
            needs_second_factor: Set(self.requires_second_factor),
            changed_by: Set(by.to_owned()),
            changed_at: Set(now),
        })
    }
}

fn json(patterns: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(patterns).map_err(|error| StoreError::Database(error.to_string()))
}

/// Whether this can be the name of a role or a group: it stands in configurations, addresses and commands.
pub(crate) fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len())
        && name.bytes().all(is_letter)
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
}

/// Whether this role would let its holders ask oftener than whoever makes it may.
fn is_faster(asks: &Principal, role: &Role) -> bool {
    !is_local(asks) && asks.per_minute().is_none_or(|own| role.per_minute > own)
}

impl Identity {
    /// Makes a role.
    ///
    /// # Errors
    /// [`RoleError`].
    pub async fn create_role(
        &self,
        permit: &Permit<act::CreateRole>,
        name: &str,
        draft: RoleDraft,
    ) -> Result<RoleView, RoleError> {
        if !is_name(name) {
            let rule = "1 to 32 small letters, digits or -, the first a letter";
            return Err(RoleError::invalid("name", rule));
        }
        if self.role(name).is_some() {
            return Err(RoleError::NameTaken);
        }
        let role = draft.role(name)?;
        let asks = permit.principal();
        if !covers(asks, role.permissions) || is_faster(asks, &role) {
            return Err(RoleError::MoreThanOwn);
        }
        let (by, now) = (asks.display_name(), self.inner.ambient.clock.now_micros());
        let row = draft.row(name, &by, now)?;
        let resource = format!("role:{name}");
        let written = self.inner.store.write(permit, async move |tx| {
            tx.insert(row.clone()).await?;
            tx.note_resource(resource.clone());
            note(tx, "after", &draft);
            tx.changed(Changed::Roles);
            Ok::<_, RoleError>(())
        });
        written.await?;
        self.reread_roles().await?;
        self.role_view(name).ok_or(RoleError::NotFound)
    }

    /// Changes what the role gives that the permit was given for.
    ///
    /// # Errors
    /// [`RoleError`].
    pub async fn change_role(
        &self,
        permit: &Permit<act::ChangeRole>,
        draft: RoleDraft,
    ) -> Result<RoleView, RoleError> {
        let name = permit.resource().id().ok_or(RoleError::NotFound)?.to_owned();
        if name == ADMIN {
            return Err(RoleError::Administrator);
        }
        let before = self.role_view(&name).ok_or(RoleError::NotFound)?;
        let (was, role) = (self.role(&name).ok_or(RoleError::NotFound)?, draft.role(&name)?);
        let asks = permit.principal();
        let is_within = covers(asks, was.permissions) && covers(asks, role.permissions);
        if !is_within || (role.per_minute > was.per_minute && is_faster(asks, &role)) {
            return Err(RoleError::MoreThanOwn);
        }
        let (by, now) = (asks.display_name(), self.inner.ambient.clock.now_micros());
        let (row, of) = (draft.row(&name, &by, now)?, name.clone());
        let seen = before
            .changed_by
            .is_some()
            .then(|| json(&before.permissions))
            .transpose()?;
        let written = self.inner.store.write(permit, async move |tx| {
            // What it gave when that was found to be within their own must still be what it gives.
            let kept = tx.one(role::Entity::find_by_id(of.clone())).await?;
            if kept.map(|row| row.permissions) != seen {
                return Err(RoleError::NotFound);
            }
            let gone = role::Entity::delete_many().filter(role::Column::Name.eq(of.clone()));
            tx.delete(gone).await?;
            tx.insert(row.clone()).await?;
            tx.note("before", before.permissions.clone());
            note(tx, "after", &draft);
            tx.changed(Changed::Roles);
            Ok(())
        });
        written.await?;
        self.reread_roles().await?;
        self.role_view(&name).ok_or(RoleError::NotFound)
    }
}

fn note(tx: &WriteTx, name: &'static str, draft: &RoleDraft) {
    tx.note(name, draft.permissions.clone());
    tx.note("per_minute", draft.per_minute);
    tx.note("requires_second_factor", draft.requires_second_factor);
}
