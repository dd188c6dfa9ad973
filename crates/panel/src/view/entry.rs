//! The pages before anybody is known: sign in, set-up, session expired.

use askama::Template;
use watchroom_web::ClosedWay;

use super::outside::WayButton;
use super::passkey::PasskeyForm;
use super::{Choice, Faults, Field, Flash, Sheet, Theme};
use crate::text::{EN, Text};

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "pages/sign_in.html")]
pub(crate) struct SignInPage {
    sheet: Sheet,
    t: &'static Text,
    /// The token bound to the pre-session.
    csrf: String,
    flash: Option<Flash>,
    /// Whether anybody asks for a password.
    has_form: bool,
    /// Where the person is known, if that may be elsewhere.
    by: Option<Choice>,
    username: Field,
    password: Field,
    remember_me: bool,
    /// Where to go afterwards: a path of ours.
    next: String,
    /// Other ways in.
    ways: Vec<WayButton>,
    passkey: Option<PasskeyForm>,
}

impl SignInPage {
    /// An empty form, or one with what was typed before (never the password).
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        typed: SignInTyped,
        (flash, passkey): (Option<Flash>, Option<PasskeyForm>),
    ) -> Self {
        let username = Field::text("username", EN.user_name)
            .value(typed.username)
            .autocomplete("username")
            .required();
        let password = Field::password("password", EN.password, "current-password");
        let is_second_try = flash.is_some();
        let here = (String::new(), EN.sign_in_here.to_owned());
        let here = (!typed.without_passwords).then_some(here);
        let options: Vec<_> = here.into_iter().chain(typed.directories).collect();
        let by = Choice::new("directory", EN.sign_in_by, options.clone(), typed.directory);
        Self {
            sheet: Sheet::new(EN.sign_in, theme),
            t: &EN,
            csrf,
            flash,
            has_form: !options.is_empty(),
            by: (options.len() > 1 || typed.without_passwords).then_some(by),
            username: if is_second_try { username } else { username.focus() },
            password: if is_second_try { password.focus() } else { password },
            remember_me: typed.remember_me,
            next: typed.next,
            ways: typed.ways,
            passkey,
        }
    }
}

/// What was typed into the sign-in form and is worth keeping.
#[derive(Debug, Default)]
pub(crate) struct SignInTyped {
    /// The user name.
    pub(crate) username: String,
    /// The directory that knows the person; empty for this Watchroom.
    pub(crate) directory: String,
    /// All of them: name and title.
    pub(crate) directories: Vec<(String, String)>,
    /// Whether nobody signs in with a password of this Watchroom.
    pub(crate) without_passwords: bool,
    /// Whether to be remembered.
    pub(crate) remember_me: bool,
    /// Where to go afterwards.
    pub(crate) next: String,
    /// Other ways in, which nobody typed.
    pub(crate) ways: Vec<WayButton>,
}

/// The page that makes the first administrator.
#[derive(Debug, Template)]
#[template(path = "pages/setup.html")]
pub(crate) struct SetupPage {
    sheet: Sheet,
    t: &'static Text,
    csrf: String,
    flash: Option<Flash>,
    code: Field,
    username: Field,
    display_name: Field,
    password: Field,
    confirm: Field,
    beside: Vec<String>,
    way: ClosedWay,
    allow_host: bool,
    allow_network: bool,
}

/// What was typed into the set-up form and is worth keeping.
#[derive(Debug, Default)]
pub(crate) struct SetupTyped {
    /// The one-time code.
    pub(crate) code: String,
    /// The user name.
    pub(crate) username: String,
    /// The name others see.
    pub(crate) display_name: String,
    /// What of the way here is closed to all that comes after.
    pub(crate) way: ClosedWay,
    /// Whether its host is to be allowed.
    pub(crate) allow_host: bool,
    /// Whether its network is.
    pub(crate) allow_network: bool,
}

impl SetupTyped {
    /// What is to be opened.
    pub(crate) fn ticked(&self) -> ClosedWay {
        ClosedWay {
            host: self.way.host.clone().filter(|_| self.allow_host),
            network: self.way.network.filter(|_| self.allow_network),
        }
    }
}

impl SetupPage {
    /// The form with what was typed and what is wrong with it.
    pub(crate) fn new(
        theme: Theme,
        csrf: String,
        typed: SetupTyped,
        faults: &Faults,
        flash: Option<Flash>,
    ) -> Self {
        let shown = ["code", "username", "display_name", "password", "confirm_password"];
        Self {
            sheet: Sheet::new(EN.setup_title, theme),
            t: &EN,
            csrf,
            flash,
            code: Field::text("code", EN.setup_code)
                .hint(EN.setup_code_hint)
                .value(typed.code)
                .required()
                .wrong(faults),
            username: Field::text("username", EN.user_name)
                .hint(EN.user_name_hint)
                .value(typed.username)
                .autocomplete("username")
                .required()
                .wrong(faults),
            display_name: Field::text("display_name", EN.display_name)
                .hint(EN.optional)
                .value(typed.display_name)
                .autocomplete("name")
                .wrong(faults),
            password: Field::new_password("password", EN.password, "/password-strength")
                .hint(EN.password_hint)
                .wrong(faults),
            confirm: Field::password("confirm_password", EN.password_again, "new-password").wrong(faults),
            beside: faults.beside(&shown),
            way: typed.way,
            allow_host: typed.allow_host,
            allow_network: typed.allow_network,
        }
    }
}

/// The page after a session's end.
#[derive(Debug, Template)]
#[template(path = "pages/expired.html")]
pub(crate) struct ExpiredPage {
    sheet: Sheet,
    t: &'static Text,
}

impl ExpiredPage {
    /// The page.
    pub(crate) fn new(theme: Theme) -> Self {
        Self {
            sheet: Sheet::new(EN.expired_title, theme),
            t: &EN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sign_in_keeps_the_name_and_never_the_password() {
        let typed = SignInTyped {
            username: "al\"ice".into(),
            remember_me: true,
            next: "/servers".into(),
            ways: vec![WayButton {
                href: "/login/oidc/a?next=/servers".into(),
                words: "Sign in with <b>".into(),
            }],
            ..SignInTyped::default()
        };
        let page = SignInPage::new(
            Theme::System,
            "tok".into(),
            typed,
            (
                Some(Flash::trouble("4 attempts left")),
                Some(PasskeyForm::sign_in("tok".into(), "/servers")),
            ),
        );
        let html = page.render().unwrap();
        assert!(
            html.contains("value=\"al&#34;ice\"")
                && html.contains("checked")
                && html.contains("4 attempts left")
        );
        assert!(
            html.contains("name=\"csrf_token\" value=\"tok\"")
                && html.contains("name=\"next\" value=\"/servers\"")
        );
        assert!(!html.contains("type=\"password\" value"));
        assert!(html.contains("href=\"/login/oidc/a?next=/servers\"") && !html.contains("<b>"));
    }

    #[test]
    fn no_page_before_sign_in_has_an_inline_script_or_style() {
        let setup = SetupPage::new(
            Theme::Dark,
            "t".into(),
            SetupTyped::default(),
            &Faults::default(),
            None,
        );
        for html in [
            setup.render().unwrap(),
            ExpiredPage::new(Theme::Light).render().unwrap(),
        ] {
            assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("onclick"));
            assert!(
                html.matches("<script").count()
                    == html.matches("<script type=\"module\" src=\"/assets/").count()
            );
        }
    }
}
