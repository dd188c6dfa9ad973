//! The roles there are, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchroom_policy::{BUILT_IN, PermissionSet, Role};
use watchroom_store::StoreError;

use super::ADMIN;
use crate::config::EVERY_ROLE;
use crate::entity::role;

/// A role with what is known of it beside.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(super) role: Arc<Role>,
    pub(super) patterns: Vec<String>,
    pub(super) needs_second_factor: bool,
    pub(super) is_built_in: bool,
    /// Who changed it last; nobody, where it is as it was built in.
    pub(super) changed_by: Option<String>,
}

/// All roles by name.
#[derive(Clone, Debug)]
pub(crate) struct Roles(BTreeMap<String, Known>);

impl Default for Roles {
    fn default() -> Self {
        let built_in = BUILT_IN.iter().filter_map(|(name, patterns, _)| {
            let known = Known {
                role: Arc::new(Role::built_in(name)?),
                patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
                needs_second_factor: false,
                is_built_in: true,
                changed_by: None,
            };
            Some(((*name).to_owned(), known))
        });
        Self(built_in.collect())
    }
}

impl Roles {
    /// The built-in ones with what people have said of roles.
    pub(crate) fn of(rows: Vec<role::Model>) -> Result<Self, StoreError> {
        let mut roles = Self::default();
        // Whatever a row says, the administrator's holds everything.
        for row in rows.into_iter().filter(|row| row.name != ADMIN) {
            let damaged =
                |column| StoreError::Database(format!("a value in roles.{column} is not what it must be"));
            let patterns: Vec<String> =
                serde_json::from_str(&row.permissions).map_err(|_| damaged("permissions"))?;
            let given: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let per_minute = u32::try_from(row.per_minute).map_err(|_| damaged("per_minute"))?;
            let role = Role::new(&row.name, &given, per_minute).map_err(|_| damaged("permissions"))?;
            let known = Known {
                role: Arc::new(role),
                patterns,
                needs_second_factor: row.needs_second_factor,
                is_built_in: Role::built_in(&row.name).is_some(),
                changed_by: Some(row.changed_by),
            };
            roles.0.insert(row.name, known);
        }
        Ok(roles)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Role>> {
        self.0.get(name).map(|known| &known.role)
    }

    /// Whether a role asks its holders for a second factor: since the house says so of it, or of a role whose leave it gives
    /// in full, or because whoever made it says so. So a copy of the administrator's role is no way around.
    pub(crate) fn asks_second_factor(&self, name: &str, required: &[String]) -> bool {
        let Some(known) = self.0.get(name) else {
            return required
                .iter()
                .any(|required| required == name || required == EVERY_ROLE);
        };
        let gives_all_of = |other: &Arc<Role>| {
            other.permissions != PermissionSet::NONE && known.role.permissions.covers(other.permissions)
        };
        let is_required = |required: &String| {
            required == name || required == EVERY_ROLE || self.get(required).is_some_and(gives_all_of)
        };
        known.needs_second_factor || required.iter().any(is_required)
    }

    pub(super) fn known(&self, name: &str) -> Option<&Known> {
        self.0.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_role_that_asks_for_a_second_factor_asks_for_one_too() {
        let role = |name: &str, permissions: &str, needs_second_factor| role::Model {
            name: name.to_owned(),
            permissions: permissions.to_owned(),
            per_minute: 100,
            needs_second_factor,
            changed_by: "somebody".to_owned(),
            changed_at: 0,
        };
        let roles = Roles::of(vec![
            role("captain", r#"["*"]"#, false),
            role("night-watch", r#"["nets:read"]"#, false),
            role("keeper", r#"["nets:read"]"#, true),
            role("member", "[]", false),
        ])
        .unwrap();
        let required = ["admin", "member"].map(str::to_owned);
        for name in ["admin", "captain", "keeper", "member"] {
            assert!(roles.asks_second_factor(name, &required), "{name}");
        }
        for name in ["night-watch", "viewer", "operator", "no-such"] {
            assert!(!roles.asks_second_factor(name, &required), "{name}");
        }
    }
}
