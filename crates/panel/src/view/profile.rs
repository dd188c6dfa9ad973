//! Oneself: sessions, tokens, password, theme.

use askama::Template;

use super::outside::Identities;
use super::proof::Wanted;
use super::{Choice, Command, Faults, Field, Moment, Shell, Theme};
use crate::text::{EN, Text};

/// One of the person's sessions.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    /// Its id.
    pub(crate) id: String,
    /// The browser and its system, as people call them.
    pub(crate) device: String,
    /// What the browser itself says it is; untrusted.
    pub(crate) user_agent: String,
    /// Where it came from.
    pub(crate) address: String,
    /// When it was made.
    pub(crate) created: Moment,
    /// When it was last used.
    pub(crate) seen: Moment,
    /// Whether this page was asked with it.
    pub(crate) is_this: bool,
}

/// One of the person's tokens.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// When it ends.
    pub(crate) expires: Moment,
    /// When it was last used.
    pub(crate) used: Option<Moment>,
    /// What it is: good or expired, sensitive; tone and words.
    pub(crate) badges: Vec<(&'static str, &'static str)>,
}

/// One of the person's second factors.
#[derive(Clone, Debug)]
pub(crate) struct FactorRow {
    /// Its id.
    pub(crate) id: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: &'static str,
    /// The host name under which a passkey works; else empty.
    pub(crate) host: String,
    /// When it was added.
    pub(crate) added: Moment,
    /// When it was last used.
    pub(crate) used: Option<Moment>,
}

/// The person's second factors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Factors {
    /// One by one.
    pub(crate) rows: Vec<FactorRow>,
    /// How many recovery codes are left.
    pub(crate) codes_left: usize,
}

/// What was typed into the token form.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct TokenTyped {
    /// Its name.
    pub(crate) name: String,
    /// For how many days.
    pub(crate) expires_days: String,
    /// Whether it may do sensitive acts.
    pub(crate) allow_sensitive: Option<String>,
}

/// A token that was just made: shown this once.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Its name.
    pub(crate) name: String,
    /// Its text.
    pub(crate) secret: String,
}

/// What the profile's forms show.
#[derive(Debug, Default)]
pub(crate) struct ProfileForms {
    /// The token form as typed.
    pub(crate) token: TokenTyped,
    /// What is wrong with it.
    pub(crate) token_faults: Faults,
    /// What is wrong with the password form.
    pub(crate) password_faults: Faults,
    /// The address as typed, if it was.
    pub(crate) email: Option<String>,
    /// What is wrong with it.
    pub(crate) email_faults: Faults,
}

/// What is somebody's own.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) sessions: Vec<SessionRow>,
    pub(crate) tokens: Vec<TokenRow>,
    pub(crate) factors: Factors,
    pub(crate) identities: Identities,
    /// The address, or nothing.
    pub(crate) email: String,
    /// Whether there is a password to change: whoever came by somebody else's word has none.
    pub(crate) has_password: bool,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/profile.html")]
pub(crate) struct ProfilePage {
    t: &'static Text,
    shell: Shell,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
    factors: Factors,
    identities: Identities,
    /// What removing and adding a factor ask for; nothing where it was all given lately.
    factor_proof: Vec<Field>,
    codes_proof: Vec<Field>,
    issued: Option<Issued>,
    token_name: Field,
    token_days: Field,
    token_sensitive: bool,
    token_proof: Vec<Field>,
    token_wrong: Vec<String>,
    passwords: Vec<Field>,
    password_wrong: Vec<String>,
    email: Field,
    email_proof: Vec<Field>,
    theme: Choice,
    command: Command,
}

impl ProfilePage {
    /// The page, with what acts of it ask for.
    pub(crate) fn new(
        shell: Shell,
        Own {
            sessions,
            tokens,
            factors,
            identities,
            email,
            has_password,
        }: Own,
        forms: &ProfileForms,
        wanted: Wanted,
        issued: Option<Issued>,
    ) -> Self {
        let (typed, faults) = (&forms.token, &forms.token_faults);
        let days = if typed.expires_days.is_empty() {
            "90"
        } else {
            &typed.expires_days
        };
        Self {
            t: &EN,
            theme: theme_choice(shell.theme),
            command: Command::new(
                &[
                    "token",
                    "create",
                    "--for",
                    &shell.person.name,
                    "--name",
                    "NAME",
                    "--expires",
                    "90d",
                ],
                "GET",
                "/api/tokens",
                None,
            ),
            sessions,
            tokens,
            factors,
            identities,
            factor_proof: wanted.fields("factor", &Faults::default()),
            codes_proof: wanted.fields("codes", &Faults::default()),
            issued,
            token_name: Field::text("name", EN.token_name)
                .hint(EN.token_name_hint)
                .value(typed.name.as_str())
                .required()
                .wrong(faults),
            token_days: Field::number("expires_days", EN.token_days)
                .value(days)
                .required()
                .wrong(faults),
            token_sensitive: typed.allow_sensitive.is_some(),
            token_proof: wanted.fields("token", faults),
            token_wrong: faults.beside(&["name", "expires_days", "password", "code"]),
            email: Field::text("email", EN.email)
                .hint(EN.email_hint)
                .value(forms.email.clone().unwrap_or(email))
                .autocomplete("email")
                .wrong(&forms.email_faults),
            email_proof: wanted.fields("email", &forms.email_faults),
            passwords: match has_password {
                true => password_fields(&forms.password_faults),
                false => Vec::new(),
            },
            password_wrong: forms.password_faults.beside(&[
                "old_password",
                "new_password",
                "confirm_password",
            ]),
            shell,
        }
    }
}

fn password_fields(faults: &Faults) -> Vec<Field> {
    vec![
        Field::password("old_password", EN.password_old, "current-password").wrong(faults),
        Field::new_password("new_password", EN.password_new, "/profile/password-strength")
            .hint(EN.password_hint)
            .wrong(faults),
        Field::password("confirm_password", EN.password_again, "new-password").wrong(faults),
    ]
}

fn theme_choice(chosen: Theme) -> Choice {
    let words = [EN.theme_system, EN.theme_light, EN.theme_dark];
    let options = Theme::ALL
        .iter()
        .zip(words)
        .map(|(theme, words)| (theme.word().to_owned(), words.to_owned()));
    Choice::new("theme", EN.theme, options.collect(), chosen.word())
}
