//! Showing roles.

use serde::Serialize;
use utoipa::ToSchema;

use super::known::Known;
use crate::Identity;

/// A role as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoleView {
    /// Its name.
    pub name: String,
    /// What it gives, as patterns: `*`, `resource:*` or `resource:verb`.
    pub permissions: Vec<String>,
    /// The same written out.
    pub gives: Vec<String>,
    /// Requests a minute its holders may make.
    pub per_minute: u32,
    /// Whether its holders must prove a second factor, whatever the configuration says.
    pub requires_second_factor: bool,
    /// Whether it came with Watchroom.
    pub is_built_in: bool,
    /// Who changed it last; `null` where it is as it was built in.
    pub changed_by: Option<String>,
}

impl From<&Known> for RoleView {
    fn from(known: &Known) -> Self {
        Self {
            name: known.role.name.clone(),
            permissions: known.patterns.clone(),
            gives: known
                .role
                .permissions
                .iter()
                .map(|one| one.name().to_owned())
                .collect(),
            per_minute: known.role.per_minute,
            requires_second_factor: known.needs_second_factor,
            is_built_in: known.is_built_in,
            changed_by: known.changed_by.clone(),
        }
    }
}

impl Identity {
    /// All roles, by name. Whoever calls this has found out that the caller may see them.
    #[must_use]
    pub fn roles(&self) -> Vec<RoleView> {
        self.inner.roll.ground().roles.all().map(RoleView::from).collect()
    }

    /// The names of all roles.
    #[must_use]
    pub fn role_names(&self) -> Vec<String> {
        let ground = self.inner.roll.ground();
        ground.roles.all().map(|known| known.role.name.clone()).collect()
    }

    /// One role.
    #[must_use]
    pub fn role_view(&self, name: &str) -> Option<RoleView> {
        self.inner.roll.ground().roles.known(name).map(RoleView::from)
    }
}
