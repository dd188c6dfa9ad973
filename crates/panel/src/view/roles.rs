//! What roles give, as a matrix made from the catalogue, and who was given which.

use askama::Template;
use watchroom_identity::{GrantListed, RoleView};
use watchroom_policy::{PERMISSIONS, Scope};

use super::{Command, Shell};
use crate::text::{EN, Text};

/// One permission, and which roles give it, in the order of the roles.
#[derive(Debug)]
pub(crate) struct PermissionRow {
    name: &'static str,
    about: &'static str,
    given: Vec<bool>,
}

/// One role that somebody was given.
#[derive(Debug)]
pub(crate) struct GrantRow {
    name: String,
    role: String,
    scope: String,
    by: String,
}

impl GrantRow {
    /// Of this grant; `place` is what people call the node or server where it holds.
    pub(crate) fn new(grant: &GrantListed, place: Option<String>) -> Self {
        let scope = match (&grant.scope, place) {
            (Scope::Everything, _) => EN.roles_everywhere.to_owned(),
            (_, Some(place)) => place,
            (scope, None) => scope.to_string(),
        };
        Self {
            name: grant.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            role: grant.role.clone(),
            scope,
            by: grant
                .given_by_provider
                .clone()
                .unwrap_or_else(|| EN.roles_by_hand.to_owned()),
        }
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/roles.html")]
pub(crate) struct RolesPage {
    t: &'static Text,
    shell: Shell,
    roles: Vec<RoleView>,
    rows: Vec<PermissionRow>,
    grants: Vec<GrantRow>,
    change: Command,
    give: Command,
}

impl RolesPage {
    /// The page of these roles and grants.
    pub(crate) fn new(shell: Shell, roles: Vec<RoleView>, grants: Vec<GrantRow>) -> Self {
        let row = |(name, about): &(&'static str, &'static str)| PermissionRow {
            name,
            about,
            given: roles
                .iter()
                .map(|role| role.gives.iter().any(|one| one == name))
                .collect(),
        };
        Self {
            t: &EN,
            shell,
            rows: PERMISSIONS.iter().map(row).collect(),
            grants,
            change: Command::new(
                &["role", "change", "viewer", "--allow", "nodes:read", "--dry-run"],
                "POST",
                "/api/roles/viewer/what-if",
                Some(r#"{"permissions":["nodes:read"]}"#),
            )
            .called(EN.roles_try),
            give: Command::new(
                &[
                    "grant",
                    "give",
                    "alice",
                    "operator",
                    "--at",
                    "node-label:site=north",
                ],
                "GET",
                "/api/grants",
                None,
            )
            .called(EN.roles_give),
            roles,
        }
    }
}
