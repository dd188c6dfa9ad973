//! One role: what it gives, the form that changes that, and who would gain or lose what by it.

use std::collections::BTreeSet;

use askama::Template;
use watchroom_identity::{RoleDraft, RoleView};
use watchroom_policy::PERMISSIONS;

use super::ahead::Ahead;
use super::{Faults, Field, Shell};
use crate::text::{EN, Text};

/// What was typed into the form for a role.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoleTyped {
    /// Its name, where it is new.
    pub(crate) name: String,
    /// The patterns that are ticked.
    pub(crate) allow: BTreeSet<String>,
    /// Requests a minute.
    pub(crate) per_minute: String,
    /// Whether its holders must prove a second factor.
    pub(crate) requires_second_factor: bool,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

impl RoleTyped {
    /// A new role, which gives nothing yet.
    pub(crate) fn empty() -> Self {
        Self {
            per_minute: "100".to_owned(),
            ..Self::default()
        }
    }

    /// What is to be had, in the catalogue's order; what a wider pattern gives is not said twice.
    pub(crate) fn draft(&self) -> RoleDraft {
        let has = |pattern: &str| self.allow.contains(pattern);
        let mut permissions: Vec<String> = Vec::new();
        for (resource, names) in resources() {
            let all = format!("{resource}:*");
            match has(&all) {
                true => permissions.push(all),
                false => permissions.extend(
                    names
                        .iter()
                        .filter(|name| has(name))
                        .map(|name| (*name).to_owned()),
                ),
            }
        }
        if has("*") {
            permissions = vec!["*".to_owned()];
        }
        RoleDraft {
            permissions,
            // What is no number is refused as none at all.
            per_minute: self.per_minute.trim().parse().unwrap_or(0),
            requires_second_factor: self.requires_second_factor,
        }
    }

    /// What a look ahead was made of: another one is another.
    pub(crate) fn looked_at(&self) -> String {
        let draft = self.draft();
        let (rate, factor) = (draft.per_minute, draft.requires_second_factor);
        format!("{} {rate} {factor}", draft.permissions.join(" "))
    }
}

impl From<&RoleView> for RoleTyped {
    fn from(role: &RoleView) -> Self {
        Self {
            name: role.name.clone(),
            allow: role.permissions.iter().cloned().collect(),
            per_minute: role.per_minute.to_string(),
            requires_second_factor: role.requires_second_factor,
            faults: Faults::default(),
        }
    }
}

/// The resources of the catalogue in its order, each with its permissions.
fn resources() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, _) in PERMISSIONS {
        let resource = name.split_once(':').map_or(*name, |(resource, _)| resource);
        match all.last_mut() {
            Some((last, names)) if *last == resource => names.push(name),
            _ => all.push((resource, vec![name])),
        }
    }
    all
}

/// A permission that can be ticked.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    pattern: String,
    about: &'static str,
    is_ticked: bool,
}

/// What the viewer may do to the role.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct May {
    /// Make or change it.
    pub(crate) change: bool,
    /// Remove it, or put it back.
    pub(crate) remove: bool,
    /// Whether acts want the password.
    pub(crate) needs_proof: bool,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/role.html")]
pub(crate) struct RolePage {
    t: &'static Text,
    shell: Shell,
    /// The role, unless it is new.
    role: Option<RoleView>,
    may: May,
    name: Field,
    everything: Tick,
    ticks: Vec<(&'static str, Vec<Tick>)>,
    per_minute: Field,
    requires_second_factor: bool,
    /// Who would gain or lose what; `None` where nobody has looked yet.
    ahead: Option<Ahead>,
    looked_at: String,
    wrong: Vec<String>,
}

impl RolePage {
    /// The page of this role, or of a new one, with the form as it was typed.
    pub(crate) fn new(
        shell: Shell,
        role: Option<RoleView>,
        typed: &RoleTyped,
        ahead: Option<Ahead>,
        may: May,
    ) -> Self {
        let about = |name: &str| {
            let known = PERMISSIONS.iter().find(|(known, _)| *known == name);
            known.map_or("", |(_, about)| *about)
        };
        let tick = |pattern: String, about| Tick {
            is_ticked: typed.allow.contains(&pattern),
            pattern,
            about,
        };
        let ticks = resources().into_iter().map(|(resource, names)| {
            let all = tick(format!("{resource}:*"), EN.role_all_of);
            let each = names.into_iter().map(|name| tick(name.to_owned(), about(name)));
            (resource, std::iter::once(all).chain(each).collect())
        });
        Self {
            t: &EN,
            shell,
            may,
            name: Field::text("name", EN.name)
                .hint(EN.role_name_hint)
                .value(typed.name.as_str())
                .required()
                .wrong(&typed.faults),
            everything: tick("*".to_owned(), EN.role_everything),
            ticks: ticks.collect(),
            per_minute: Field::number("per_minute", EN.roles_rate)
                .value(typed.per_minute.as_str())
                .required()
                .wrong(&typed.faults),
            requires_second_factor: typed.requires_second_factor,
            looked_at: ahead.as_ref().map(|_| typed.looked_at()).unwrap_or_default(),
            ahead,
            wrong: typed.faults.beside(&["name", "per_minute"]),
            role,
        }
    }

    /// Where the form goes.
    fn action(&self) -> String {
        match &self.role {
            Some(role) => format!("/access/roles/{}", role.name),
            None => "/access/new-role".to_owned(),
        }
    }

    /// The field for the password that an act wants, if it wants one; `form` tells it from others of the page.
    pub(crate) fn password(&self, form: &str) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        self.may.needs_proof.then(|| field.within(form))
    }
}

#[cfg(test)]
mod tests {
    use watchroom_policy::PermissionSet;

    use super::*;

    #[test]
    fn what_is_ticked_is_what_is_given() {
        let typed = |patterns: &[&str]| RoleTyped {
            allow: patterns.iter().map(|one| (*one).to_owned()).collect(),
            ..RoleTyped::empty()
        };
        let draft = typed(&["nodes:*", "nodes:read", "audit:read", "no:such"]).draft();
        assert_eq!(draft.permissions, ["nodes:*", "audit:read"]);
        assert_eq!(typed(&["*", "nodes:read"]).draft().permissions, ["*"]);
        assert_ne!(
            typed(&["nodes:read"]).looked_at(),
            typed(&["nodes:*"]).looked_at()
        );
        let every: Vec<&str> = PERMISSIONS.iter().map(|(name, _)| *name).collect();
        let draft = typed(&every).draft();
        assert_eq!(draft.permissions, every);
        let read = PermissionSet::parse(draft.permissions.iter().map(String::as_str));
        assert_eq!(read.unwrap(), PermissionSet::ALL);
    }
}
