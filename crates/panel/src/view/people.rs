//! Who there is, and what can be done to accounts.

use askama::Template;
use time::OffsetDateTime;
use watchroom_identity::{InvitationView, UserStatus, UserView};

use super::proof::Wanted;
use super::{Choice, Command, Faults, Field, Moment, Shell};
use crate::text::{EN, Text};

/// One person.
#[derive(Clone, Debug)]
pub(crate) struct PersonRow {
    /// Their account.
    pub(crate) id: String,
    /// What they sign in with.
    pub(crate) name: String,
    /// Their name as others see it, where that is another.
    pub(crate) display_name: Option<String>,
    /// Where mail reaches them.
    pub(crate) email: Option<String>,
    /// Whether the account may be used.
    pub(crate) is_active: bool,
    /// Their roles.
    pub(crate) roles: String,
    /// How they can prove who they are.
    pub(crate) factors: Vec<&'static str>,
    /// When they last signed in.
    pub(crate) last_sign_in: Option<Moment>,
    /// Whether the viewer may disable, enable and reset.
    pub(crate) may_change: bool,
    /// Whether the viewer may have all that is held about them handed over, and erase it.
    pub(crate) may_erase: bool,
    /// Whether the viewer may end their sessions.
    pub(crate) may_end: bool,
    /// Whether it is the viewer.
    pub(crate) is_self: bool,
}

impl PersonRow {
    /// Of this account; what the viewer may do is not known here.
    pub(crate) fn of(user: &UserView, now: OffsetDateTime) -> Self {
        let roles: Vec<&str> = user.roles.iter().map(String::as_str).collect();
        let display_name = user.display_name.to_string();
        Self {
            id: user.id.to_string(),
            display_name: (display_name != user.name.as_str()).then_some(display_name),
            name: user.name.to_string(),
            email: user.email.as_ref().map(ToString::to_string),
            is_active: user.status == UserStatus::Active,
            roles: roles.join(", "),
            factors: user.factors.iter().map(|factor| factor_word(factor)).collect(),
            last_sign_in: user.last_sign_in.map(|at| Moment::age(at, now)),
            may_change: false,
            may_erase: false,
            may_end: false,
            is_self: false,
        }
    }
}

fn factor_word(factor: &str) -> &'static str {
    match factor {
        "password" => EN.factor_word_password,
        "totp" => EN.factor_kind_totp,
        "passkey" => EN.factor_kind_passkey,
        _ => EN.factor_word_other,
    }
}

/// An invitation that waits.
#[derive(Clone, Debug)]
pub(crate) struct InvitationRow {
    /// Its id.
    pub(crate) id: String,
    /// What it gives.
    pub(crate) role: String,
    /// Where it went.
    pub(crate) email: Option<String>,
    /// Who made it.
    pub(crate) made_by: Option<String>,
    /// Until when it holds.
    pub(crate) until: Moment,
}

impl From<InvitationView> for InvitationRow {
    fn from(invitation: InvitationView) -> Self {
        Self {
            id: invitation.id.to_string(),
            role: invitation.role,
            email: invitation.email,
            made_by: invitation.made_by.map(|name| name.to_string()),
            until: Moment::full(invitation.expires_at),
        }
    }
}

/// What was typed into the form for an invitation.
#[derive(Clone, Debug, Default)]
pub(crate) struct InviteTyped {
    /// The role.
    pub(crate) role: String,
    /// The address.
    pub(crate) email: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// A link that was just made: shown this once.
#[derive(Debug)]
pub(crate) struct ShownLink {
    what: &'static str,
    link: String,
    until: Moment,
}

impl ShownLink {
    /// What it is for, the link, and until when it holds.
    pub(crate) fn new(what: &'static str, link: String, until: OffsetDateTime) -> Self {
        Self {
            what,
            link,
            until: Moment::full(until),
        }
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/people.html")]
pub(crate) struct PeoplePage {
    t: &'static Text,
    shell: Shell,
    rows: Vec<PersonRow>,
    invitations: Vec<InvitationRow>,
    shown: Option<ShownLink>,
    may_invite: bool,
    needs_proof: bool,
    wanted: Wanted,
    role: Choice,
    email: Field,
    invite_wrong: Vec<String>,
    command: Command,
}

impl PeoplePage {
    /// The page with the form as it was typed; `may` says whether the viewer may invite, whether acts want their password, and
    /// what those want that change how somebody signs in.
    pub(crate) fn new(
        shell: Shell,
        (rows, invitations): (Vec<PersonRow>, Vec<InvitationRow>),
        shown: Option<ShownLink>,
        typed: &InviteTyped,
        may: (bool, bool, Wanted),
        roles: &[String],
    ) -> Self {
        let offered = roles.iter().map(|name| (name.clone(), name.clone()));
        let chosen = if typed.role.is_empty() {
            "viewer"
        } else {
            &typed.role
        };
        Self {
            t: &EN,
            shell,
            rows,
            invitations,
            shown,
            may_invite: may.0,
            needs_proof: may.1,
            wanted: may.2,
            role: Choice::new("role", EN.role, offered.collect(), chosen).wrong(&typed.faults),
            email: Field::text("email", EN.email)
                .hint(EN.invite_email_hint)
                .value(typed.email.as_str())
                .wrong(&typed.faults),
            invite_wrong: typed.faults.beside(&["role", "email", "password"]),
            command: Command::new(
                &["user", "invite", "--role", chosen],
                "POST",
                "/api/users/invitations",
                Some(&format!(
                    r#"{{"role":"{}"}}"#,
                    if roles.iter().any(|role| role == chosen) {
                        chosen
                    } else {
                        "viewer"
                    }
                )),
            ),
        }
    }

    /// The field for the name of whoever is erased.
    pub(crate) fn confirm(&self, form: &str) -> Field {
        Field::text("confirm", EN.people_erase_confirm)
            .hint(EN.people_erase_hint)
            .within(form)
    }

    /// The fields that such an act wants which changes how somebody signs in.
    pub(crate) fn whole(&self, form: &str) -> Vec<Field> {
        self.wanted.fields(form, &Faults::default())
    }

    /// The field for the password that an act wants, if it wants one; `form` tells it from others of the page.
    pub(crate) fn password(&self, form: &str) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        self.needs_proof.then(|| field.within(form))
    }
}
