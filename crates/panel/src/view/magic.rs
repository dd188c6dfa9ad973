//! The pages of sign-in links.

use askama::Template;

use super::{Faults, Field, Flash, Sheet, Theme};
use crate::text::{EN, Text};

/// The page that asks for an address.
#[derive(Debug, Template)]
#[template(path = "pages/magic.html")]
pub(crate) struct AskPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    flash: Option<Flash>,
    email: Field,
}

impl AskPage {
    /// The form with what was typed, and what is wrong with it.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        (typed, faults): (&str, &Faults),
        flash: Option<Flash>,
    ) -> Self {
        Self {
            sheet: Sheet::new(EN.magic_title, theme),
            t: &EN,
            csrf,
            flash,
            email: Field::text("email", EN.email)
                .value(typed)
                .autocomplete("email")
                .required()
                .focus()
                .wrong(faults),
        }
    }
}

/// The page after that, the same for every address.
#[derive(Debug, Template)]
#[template(path = "pages/magic_asked.html")]
pub(crate) struct AskedPage {
    sheet: Sheet,
    t: &'static Text,
    code: String,
}

impl AskedPage {
    /// With the code for another browser.
    pub(crate) fn new(theme: Theme, code: &str) -> Self {
        Self {
            sheet: Sheet::new(EN.magic_asked_title, theme),
            t: &EN,
            code: code.to_owned(),
        }
    }
}

/// The page that the link opens.
#[derive(Debug, Template)]
#[template(path = "pages/magic_enter.html")]
pub(crate) struct EnterPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    flash: Option<Flash>,
    code: Field,
    /// None in the browser that asked.
    typed: Option<Field>,
}

impl EnterPage {
    /// With the secret as it came.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        code: &str,
        is_same_browser: bool,
        flash: Option<Flash>,
    ) -> Self {
        let typed = Field::text("typed", EN.magic_typed).hint(EN.magic_typed_hint);
        Self {
            sheet: Sheet::new(EN.magic_enter_title, theme),
            t: &EN,
            csrf,
            flash,
            code: Field::text("code", EN.link_code)
                .hint(EN.link_code_hint)
                .value(code)
                .required(),
            typed: (!is_same_browser).then_some(typed),
        }
    }
}
