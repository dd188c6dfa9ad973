//! The form by which a script brings a passkey, or why none works where the page was asked for.

use askama::Template;
use askama::filters::HtmlSafe;

use super::{Faults, Field};
use crate::text::{EN, Text};

/// The form. It is shown by the script that fills it, so that nobody finds a button that does nothing.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/passkey.html")]
pub(crate) struct PasskeyForm {
    t: &'static Text,
    /// Why there is none.
    nowhere: &'static str,
    /// Whether a key is made, and not proven.
    is_new: bool,
    action: &'static str,
    options: &'static str,
    csrf: String,
    next: String,
    words: &'static str,
    name: Option<Field>,
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for PasskeyForm {}

impl PasskeyForm {
    /// To sign in with nothing else.
    pub(crate) fn sign_in(csrf: String, next: &str) -> Self {
        let places = ["/login/passkey/verify", "/login/passkey/options"];
        Self::new(places, csrf, next, EN.passkey_sign_in)
    }

    /// As the second factor.
    pub(crate) fn second(csrf: String, next: &str) -> Self {
        let places = ["/login/mfa/passkey", "/login/mfa/passkey/options"];
        Self::new(places, csrf, next, EN.passkey_use)
    }

    /// To add one.
    pub(crate) fn enrol(csrf: String, next: &str) -> Self {
        let places = ["/mfa/passkey", "/mfa/passkey/options"];
        let name = Field::text("name", EN.passkey_name)
            .value(EN.passkey_name_usual)
            .required()
            .within("passkey");
        Self {
            is_new: true,
            name: Some(name),
            ..Self::new(places, csrf, next, EN.passkey_add)
        }
    }

    /// None, and why.
    pub(crate) fn nowhere(why: &'static str) -> Self {
        Self {
            nowhere: why,
            ..Self::new([""; 2], String::new(), "", "")
        }
    }

    /// With what is wrong with what was brought.
    pub(crate) fn wrong(mut self, faults: &Faults) -> Self {
        self.name = self.name.map(|name| name.said(faults.of("passkey")));
        self
    }

    fn new([action, options]: [&'static str; 2], csrf: String, next: &str, words: &'static str) -> Self {
        Self {
            t: &EN,
            nowhere: "",
            is_new: false,
            action,
            options,
            csrf,
            next: next.to_owned(),
            words,
            name: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_waits_for_its_script_and_where_none_works_the_page_says_why() {
        let html = PasskeyForm::sign_in("tok".into(), "/a?b=\"c").render().unwrap();
        assert!(html.contains("action=\"/login/passkey/verify\"") && html.contains(" hidden"));
        assert!(html.contains("value=\"tok\"") && html.contains("value=\"/a?b=&#34;c\""));
        let html = PasskeyForm::nowhere(EN.passkey_needs_name).render().unwrap();
        assert!(!html.contains("<form") && html.contains("host name"));
    }
}
