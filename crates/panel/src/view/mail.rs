//! How letters leave, and what waits.

use askama::Template;
use watchroom_mail::MailView;
use watchroom_mail::config::Protection;

use super::{Command, Faults, Field, Moment, Shell};
use crate::text::{EN, Text};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/mail.html")]
pub(crate) struct MailPage {
    t: &'static Text,
    shell: Shell,
    mail: MailView,
    protection: &'static str,
    since: Option<Moment>,
    may_test: bool,
    to: Field,
    command: Command,
}

impl MailPage {
    /// The page with the form as it was typed, and what is wrong with it.
    pub(crate) fn new(shell: Shell, mail: MailView, may_test: bool, (to, faults): (&str, &Faults)) -> Self {
        Self {
            t: &EN,
            shell,
            protection: match mail.protection {
                Protection::StartTls => EN.mail_starttls,
                Protection::Tls => EN.mail_tls,
                Protection::None => EN.mail_clear,
            },
            since: mail.waiting_since.map(Moment::full),
            mail,
            may_test,
            to: Field::text("to", EN.mail_to)
                .hint(EN.mail_to_hint)
                .value(to)
                .required()
                .wrong(faults),
            command: Command::new(
                &["mail", "test", "ada@home.example"],
                "POST",
                "/api/settings/mail/test",
                Some(r#"{"to":"ada@home.example"}"#),
            ),
        }
    }
}
