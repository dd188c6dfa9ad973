//! Whom the machine's fail2ban keeps out.

use askama::Template;
use watchroom_fleet::JailView;
use watchroom_model::Jailed;

use super::{Command, Field, Shell};
use crate::text::{EN, Text};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/fail2ban.html")]
pub(crate) struct Fail2banPage {
    t: &'static Text,
    shell: Shell,
    /// Who is in the jail, or why that cannot be said.
    jail: Result<JailView, String>,
    may_lift: bool,
    needs_proof: bool,
    command: Command,
}

impl Fail2banPage {
    /// The page; `may` says whether the viewer may lift bans, and whether that wants their password.
    pub(crate) fn new(shell: Shell, jail: Result<JailView, String>, may: (bool, bool)) -> Self {
        Self {
            t: &EN,
            shell,
            jail,
            may_lift: may.0,
            needs_proof: may.1,
            command: Command::new(
                &["ban", "list", "--fail2ban"],
                "GET",
                "/api/security/fail2ban",
                None,
            ),
        }
    }

    /// The field for the password with which somebody is let out.
    fn password(&self, jailed: &Jailed) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        // Ids of fields have no such letters.
        let id = jailed.address.to_string().replace(['.', ':', '/'], "-");
        self.needs_proof.then(|| field.within(&id))
    }
}
