//! The roles there are, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchroom_policy::{BUILT_IN, Role};
use watchroom_store::StoreError;

use super::ADMIN;
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

    /// Whether the role itself asks its holders for a second factor.
    pub(crate) fn needs_second_factor(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|known| known.needs_second_factor)
    }

    pub(super) fn known(&self, name: &str) -> Option<&Known> {
        self.0.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }
}
