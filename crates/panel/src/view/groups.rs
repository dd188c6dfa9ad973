//! Groups of people: who is in them, what they hold, and the forms that change both.

use askama::Template;
use watchroom_identity::Member;
use watchroom_model::GroupId;

use super::ahead::Ahead;
use super::giving::{Giving, GivingTyped};
use super::{Command, Faults, Field, Shell};
use crate::text::{EN, Text};

/// Somebody in a group.
#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    /// Their account.
    pub(crate) id: String,
    /// What they sign in with.
    pub(crate) name: String,
    /// Who put them there.
    pub(crate) by: String,
}

impl From<Member> for MemberRow {
    fn from(member: Member) -> Self {
        let by_hand = member.is_by_hand.then(|| EN.roles_by_hand.to_owned());
        let by: Vec<String> = by_hand.into_iter().chain(member.by_providers).collect();
        Self {
            id: member.user.to_string(),
            name: member.name.to_string(),
            by: by.join(", "),
        }
    }
}

/// A role that a group holds.
#[derive(Clone, Debug)]
pub(crate) struct HeldRow {
    /// The grant.
    pub(crate) id: String,
    /// The role.
    pub(crate) role: String,
    /// Where it holds.
    pub(crate) place: String,
}

/// One group.
#[derive(Debug)]
pub(crate) struct GroupCard {
    id: String,
    name: String,
    members: Vec<MemberRow>,
    grants: Vec<HeldRow>,
    /// Who would gain or lose what by what was looked at.
    ahead: Option<Ahead>,
    called: Field,
    user: Field,
    giving: Giving,
}

impl GroupCard {
    /// Of this group, with the roles that it may be given, and what was looked at before it is done.
    pub(crate) fn new(
        id: GroupId,
        name: String,
        (members, grants): (Vec<MemberRow>, Vec<HeldRow>),
        roles: &[String],
        looked: Option<Looked>,
    ) -> Self {
        let (typed, ahead) = match looked {
            Some(looked) => (looked.typed, Some(looked.ahead)),
            None => (GivingTyped::default(), None),
        };
        Self {
            id: id.to_string(),
            members,
            grants,
            called: Field::text("name", EN.name)
                .hint(EN.group_name_hint)
                .value(name.as_str())
                .required()
                .within(&name),
            user: Field::text("user", EN.group_whom)
                .value(typed.user.as_str())
                .required()
                .within(&name),
            giving: Giving::new(roles, &typed, &name),
            ahead,
            name,
        }
    }
}

/// What was looked at before it is done.
#[derive(Clone, Debug)]
pub(crate) struct Looked {
    /// Of which group.
    pub(crate) group: GroupId,
    /// What was typed.
    pub(crate) typed: GivingTyped,
    /// What would come of it.
    pub(crate) ahead: Ahead,
}

/// What was typed into the form for a new group.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupTyped {
    /// Its name.
    pub(crate) name: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/groups.html")]
pub(crate) struct GroupsPage {
    t: &'static Text,
    shell: Shell,
    groups: Vec<GroupCard>,
    may_manage: bool,
    needs_proof: bool,
    name: Field,
    wrong: Vec<String>,
    command: Command,
}

impl GroupsPage {
    /// The page with the form as it was typed; `may` says whether the viewer may change groups, and whether acts want
    /// their password.
    pub(crate) fn new(shell: Shell, groups: Vec<GroupCard>, typed: &GroupTyped, may: (bool, bool)) -> Self {
        Self {
            t: &EN,
            shell,
            groups,
            may_manage: may.0,
            needs_proof: may.1,
            name: Field::text("name", EN.name)
                .hint(EN.group_name_hint)
                .value(typed.name.as_str())
                .required()
                .wrong(&typed.faults),
            wrong: typed.faults.beside(&["name"]),
            command: Command::new(
                &["group", "create", "ops"],
                "POST",
                "/api/groups",
                Some(r#"{"name":"ops"}"#),
            ),
        }
    }

    /// The field for the password that an act wants, if it wants one; `form` tells it from others of the page.
    pub(crate) fn password(&self, form: &str) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        self.needs_proof.then(|| field.within(form))
    }
}
