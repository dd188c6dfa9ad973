//! The pages behind one-time links.

use askama::Template;

use super::{Faults, Field, Flash, Sheet, Theme};
use crate::text::{EN, Text};

/// The page on which somebody makes their own account.
#[derive(Debug, Template)]
#[template(path = "pages/invitation.html")]
pub(crate) struct InvitationPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    flash: Option<Flash>,
    fields: Vec<Field>,
    beside: Vec<String>,
}

/// What was typed behind an invitation and is worth keeping.
#[derive(Debug, Default)]
pub(crate) struct InvitationTyped {
    /// The secret of the link.
    pub(crate) code: String,
    /// The user name.
    pub(crate) username: String,
    /// The name others see.
    pub(crate) display_name: String,
}

impl InvitationPage {
    /// The form with what was typed and what is wrong with it.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        typed: InvitationTyped,
        faults: &Faults,
        flash: Option<Flash>,
    ) -> Self {
        let shown = ["code", "username", "display_name", "password", "confirm_password"];
        Self {
            sheet: Sheet::new(EN.invitation_title, theme),
            t: &EN,
            csrf,
            flash,
            fields: vec![
                code_field(typed.code, faults),
                Field::text("username", EN.user_name)
                    .hint(EN.user_name_hint)
                    .value(typed.username)
                    .autocomplete("username")
                    .required()
                    .wrong(faults),
                Field::text("display_name", EN.display_name)
                    .hint(EN.optional)
                    .value(typed.display_name)
                    .autocomplete("name")
                    .wrong(faults),
                Field::new_password("password", EN.password, "/password-strength")
                    .hint(EN.password_hint)
                    .wrong(faults),
                Field::password("confirm_password", EN.password_again, "new-password").wrong(faults),
            ],
            beside: faults.beside(&shown),
        }
    }
}

/// The page on which somebody chooses a new password.
#[derive(Debug, Template)]
#[template(path = "pages/reset_password.html")]
pub(crate) struct ResetPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    flash: Option<Flash>,
    fields: Vec<Field>,
    beside: Vec<String>,
}

impl ResetPage {
    /// The form with the secret as it came, and what is wrong with the password.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        code: String,
        faults: &Faults,
        flash: Option<Flash>,
    ) -> Self {
        Self {
            sheet: Sheet::new(EN.reset_title, theme),
            t: &EN,
            csrf,
            flash,
            fields: vec![
                code_field(code, faults),
                Field::new_password("new_password", EN.password_new, "/password-strength")
                    .hint(EN.password_hint)
                    .wrong(faults),
                Field::password("confirm_password", EN.password_again, "new-password").wrong(faults),
            ],
            beside: faults.beside(&["code", "new_password", "confirm_password"]),
        }
    }
}

/// The page on which somebody confirms their address.
#[derive(Debug, Template)]
#[template(path = "pages/confirm_email.html")]
pub(crate) struct ConfirmPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    code: Field,
}

impl ConfirmPage {
    /// An empty form.
    pub(crate) fn new(theme: Theme, csrf: String) -> Self {
        Self {
            sheet: Sheet::new(EN.confirm_email_title, theme),
            t: &EN,
            csrf,
            code: code_field(String::new(), &Faults::default()),
        }
    }
}

fn code_field(code: String, faults: &Faults) -> Field {
    Field::text("code", EN.link_code)
        .hint(EN.link_code_hint)
        .value(code)
        .required()
        .wrong(faults)
}
