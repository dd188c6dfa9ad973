//! What roles give, as a matrix made from the catalogue, and who was given which.

use askama::Template;
use watchroom_identity::{GrantListed, HeldByGroup, RoleView};
use watchroom_policy::PERMISSIONS;

use super::giving::{Giving, GivingTyped};
use super::{Command, Field, Shell};
use crate::text::{EN, Text};

/// One permission, and which roles give it, in the order of the roles.
#[derive(Debug)]
pub(crate) struct PermissionRow {
    name: &'static str,
    about: &'static str,
    given: Vec<bool>,
}

/// One role that somebody or a group was given.
#[derive(Debug)]
pub(crate) struct GrantRow {
    /// Where it is taken; empty for a group's, which has a page of its own.
    id: String,
    name: String,
    role: String,
    place: String,
    by: String,
}

impl GrantRow {
    /// Of this grant; `place` says where it holds.
    pub(crate) fn new(grant: &GrantListed, place: String) -> Self {
        Self {
            id: grant.id.to_string(),
            name: grant.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            role: grant.role.clone(),
            place,
            by: grant
                .given_by_provider
                .clone()
                .unwrap_or_else(|| EN.roles_by_hand.to_owned()),
        }
    }

    /// Of what this group holds.
    pub(crate) fn of_group(group: &str, grant: &HeldByGroup, place: String) -> Self {
        Self {
            id: String::new(),
            name: EN.roles_of_group(group),
            role: grant.role.clone(),
            place,
            by: EN.roles_by_hand.to_owned(),
        }
    }
}

/// What the viewer may do here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MayGive {
    /// Make a role.
    pub(crate) create: bool,
    /// Give one, and take it.
    pub(crate) give: bool,
    /// Whether acts want the password.
    pub(crate) needs_proof: bool,
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
    may: MayGive,
    user: Field,
    giving: Giving,
    wrong: Vec<String>,
    change: Command,
    give: Command,
}

impl RolesPage {
    /// The page of these roles and grants, with the form as it was typed.
    pub(crate) fn new(
        shell: Shell,
        (roles, grants): (Vec<RoleView>, Vec<GrantRow>),
        typed: &GivingTyped,
        may: MayGive,
    ) -> Self {
        let names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
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
            may,
            user: Field::text("user", EN.group_whom)
                .value(typed.user.as_str())
                .required()
                .wrong(&typed.faults),
            giving: Giving::new(&names, typed, "grant"),
            wrong: typed.faults.beside(&["user", "role", "place"]),
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

    /// The field for the password that an act wants, if it wants one; `form` tells it from others of the page.
    pub(crate) fn password(&self, form: &str) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        self.may.needs_proof.then(|| field.within(form))
    }
}
