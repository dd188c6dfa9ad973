//! What letters say, in one place; each is plain text, so that nothing in it can be markup.

use std::fmt;

use time::OffsetDateTime;
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::UserName;

/// Most characters of something that a person or a program said of itself.
const LONGEST: usize = 80;

/// Words that somebody else chose, as they may stand in a letter: on one line, not long, and nothing in them is a link
/// that a mail program would make clickable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// Of this text. What a link needs (`:`, `/`, `@`, `\` and a dot between letters) becomes a space.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut safe = String::new();
        let mut letters = text.chars().take(LONGEST).peekable();
        while let Some(letter) = letters.next() {
            let is_inner_dot = is_dot(letter) && letters.peek().is_some_and(|next| !next.is_whitespace());
            let is_unsafe = letter.is_control()
                || is_unseen(letter)
                || matches!(
                    letter,
                    ':' | '/' | '\\' | '@' | '<' | '>' | '\u{FF0F}' | '\u{FF1A}' | '\u{FF20}'
                )
                || is_inner_dot;
            safe.push(if is_unsafe { ' ' } else { letter });
        }
        Self(safe.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

fn is_dot(letter: char) -> bool {
    matches!(letter, '.' | '\u{3002}' | '\u{FF0E}' | '\u{FF61}' | '\u{2024}')
}

/// Letters without a width, line ends of Unicode, and those that turn the direction.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A page of the panel with a secret behind the `#`, which no server and no proxy is told.
#[derive(Clone, Debug)]
pub struct Link {
    /// The page (`/invitation`).
    pub path: &'static str,
    /// The secret: letters and digits.
    pub code: SecretString,
}

impl Link {
    /// The whole address, on this panel.
    #[must_use]
    pub fn on(&self, panel: &str) -> SecretString {
        format!("{panel}{}#code={}", self.path, self.code.expose_secret()).into()
    }
}

/// From where somebody acted.
#[derive(Clone, Debug)]
pub struct Place {
    /// When.
    pub at: OffsetDateTime,
    /// The address, if there was one.
    pub address: Option<std::net::IpAddr>,
    /// What the browser called itself.
    pub browser: Option<Words>,
}

/// What a letter tells.
#[derive(Clone, Debug)]
pub enum Content {
    /// That the password was changed.
    PasswordChanged {
        /// Whose.
        name: UserName,
        /// From where.
        place: Place,
        /// Whether an administrator did it.
        by_another: bool,
    },
    /// That second factors were added or removed.
    FactorsChanged {
        /// Whose.
        name: UserName,
        /// From where.
        place: Place,
        /// Which of them: one was added, one was removed, or an administrator removed all.
        what: FactorChange,
    },
    /// That an identity elsewhere was tied to the account, or untied.
    IdentitiesChanged {
        /// Whose.
        name: UserName,
        /// From where.
        place: Place,
        /// Whether one was tied.
        is_tied: bool,
    },
    /// That a browser signed in which was not there before.
    NewDevice {
        /// Whose account.
        name: UserName,
        /// From where.
        place: Place,
    },
    /// That somebody invites.
    Invitation {
        /// Who.
        inviter: Words,
        /// The way in.
        link: Link,
        /// Hours that it holds.
        hours: u32,
    },
    /// That an administrator lets them choose a new password.
    PasswordReset {
        /// Whose.
        name: UserName,
        /// The way.
        link: Link,
        /// Hours that it holds.
        hours: u32,
    },
    /// That this address is to become theirs.
    ConfirmEmail {
        /// Whose.
        name: UserName,
        /// The way.
        link: Link,
        /// Hours that it holds.
        hours: u32,
    },
    /// That another address is now the one.
    EmailChanged {
        /// Whose.
        name: UserName,
        /// From where.
        place: Place,
    },
    /// A way to sign in without a password.
    SignInLink {
        /// The way.
        link: Link,
        /// Minutes that it holds.
        minutes: u32,
    },
}

/// What became of somebody's second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorChange {
    /// One was added.
    Added,
    /// One was removed.
    Removed,
    /// An administrator removed all.
    Reset,
}

impl FactorChange {
    fn told(self, name: &UserName, host: &str) -> String {
        match self {
            Self::Added => format!("A second factor was added to your account {name} on {host}."),
            Self::Removed => format!("A second factor was removed from your account {name} on {host}."),
            Self::Reset => {
                format!("An administrator removed all second factors of your account {name} on {host}.")
            }
        }
    }
}

impl Content {
    /// Its word, as kept and logged.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PasswordChanged { .. } => "password_changed",
            Self::FactorsChanged { .. } => "factors_changed",
            Self::IdentitiesChanged { .. } => "identities_changed",
            Self::NewDevice { .. } => "new_device",
            Self::Invitation { .. } => "invitation",
            Self::PasswordReset { .. } => "password_reset",
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::SignInLink { .. } => "sign_in_link",
        }
    }

    /// Subject and text, with links to this panel.
    #[must_use]
    pub fn written(&self, panel: &str) -> Written {
        let host = panel.trim_start_matches("https://");
        let (subject, text) = match self {
            Self::PasswordChanged {
                name,
                place,
                by_another,
            } => told(
                "Your password was changed",
                &match by_another {
                    true => format!("An administrator gave your account {name} on {host} a new password."),
                    false => format!("The password of your account {name} on {host} was changed."),
                },
                place,
            ),
            Self::FactorsChanged { name, place, what } => {
                told("Your second factors were changed", &what.told(name, host), place)
            }
            Self::IdentitiesChanged { name, place, is_tied } => told(
                "Your ways to sign in were changed",
                &tie_told(name, host, *is_tied),
                place,
            ),
            Self::NewDevice { name, place } => told(
                "A new browser signed in",
                &format!("A browser that was not there before signed in to your account {name} on {host}."),
                place,
            ),
            Self::Invitation { inviter, link, hours } => (
                "You are invited",
                format!(
                    "{inviter} invites you to the Watchroom at {host}.\n\nTo choose your user name and password, open\n\n    {}\n\n\
                     The link works once, within {hours} hours. If you did not expect it, do nothing.",
                    link.on(panel).expose_secret()
                ),
            ),
            Self::PasswordReset { name, link, hours } => (
                "Choose a new password",
                format!(
                    "An administrator lets you choose a new password for your account {name} on {host}:\n\n    {}\n\n\
                     The link works once, within {hours} hours. If you did not ask for it, tell your administrator.",
                    link.on(panel).expose_secret()
                ),
            ),
            Self::ConfirmEmail { name, link, hours } => (
                "Confirm your e-mail address",
                format!(
                    "This address was given for the account {name} on {host}. To confirm it, open\n\n    {}\n\n\
                     in the browser where you are signed in. The link works once, within {hours} hours. If it was not you, \
                     do nothing.",
                    link.on(panel).expose_secret()
                ),
            ),
            Self::EmailChanged { name, place } => told(
                "Your e-mail address was changed",
                &format!("Mail about your account {name} on {host} no longer goes to this address."),
                place,
            ),
            Self::SignInLink { link, minutes } => (
                "Your sign-in link",
                format!(
                    "To sign in to the Watchroom at {host}, open\n\n    {}\n\n\
                     in the browser where you asked for it. The link works once, within {minutes} minutes. In another browser \
                     you will be asked for the code that the first one shows. Never tell the code to anybody. If you did not \
                     ask for the link, do nothing: without that browser it opens nothing.",
                    link.on(panel).expose_secret()
                ),
            ),
        };
        Written {
            subject: format!("{subject} ({host})"),
            text: format!("{text}\n\n-- \nWatchroom at {host}\n").into(),
        }
    }
}

fn tie_told(name: &UserName, host: &str, is_tied: bool) -> String {
    match is_tied {
        true => format!(
            "An identity at another provider was tied to your account {name} on {host}: it signs in now."
        ),
        false => format!("An identity at another provider was untied from your account {name} on {host}."),
    }
}

fn told(subject: &'static str, what: &str, place: &Place) -> (&'static str, String) {
    let at = place.at.to_offset(time::UtcOffset::UTC);
    let at = format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute());
    let from = place.address.map_or_else(
        || "on the machine itself".to_owned(),
        |address| format!("from {}", address.to_canonical()),
    );
    let browser = place
        .browser
        .as_ref()
        .map(|browser| format!(", by {browser}"))
        .unwrap_or_default();
    let text = format!(
        "{what}\n\nThat was on {at}, {from}{browser}.\n\nIf it was you, all is well. If not, change your password and end your \
         sessions at once, and tell your administrator."
    );
    (subject, text)
}

/// A letter as it is read.
#[derive(Clone, Debug)]
pub struct Written {
    /// On one line.
    pub subject: String,
    /// Plain text.
    pub text: SecretString,
}

impl Written {
    /// Both in one text: the subject, a line end, and the rest.
    pub(crate) fn packed(&self) -> SecretString {
        format!("{}\n{}", self.subject, self.text.expose_secret()).into()
    }

    /// What was packed.
    pub(crate) fn unpacked(packed: &SecretString) -> Option<Self> {
        let (subject, text) = packed.expose_secret().split_once('\n')?;
        Some(Self {
            subject: subject.to_owned(),
            text: text.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_others_chose_is_no_link_and_no_line_of_its_own() {
        let evil = Words::of("Ada\r\nBcc: eve@evil.example\u{2028}see https://evil.example/login now");
        assert_eq!(
            evil.to_string(),
            "Ada Bcc eve evil example see https evil example login now"
        );
        assert_eq!(Words::of("Dr. Ada Archer").to_string(), "Dr. Ada Archer");
        assert_eq!(Words::of(&"a".repeat(500)).to_string().len(), LONGEST);
    }

    #[test]
    fn a_secret_stands_behind_the_hash_and_in_no_debug_text() {
        let content = Content::SignInLink {
            link: Link {
                path: "/login/magic",
                code: "s3cret".into(),
            },
            minutes: 15,
        };
        let written = content.written("https://host.example:7443");
        let text = written.text.expose_secret();
        assert!(
            text.contains("    https://host.example:7443/login/magic#code=s3cret\n"),
            "{text}"
        );
        assert_eq!(written.subject, "Your sign-in link (host.example:7443)");
        assert!(!format!("{content:?}{written:?}").contains("s3cret"));
    }

    #[test]
    fn people_are_told_when_from_where_and_what_to_do() {
        let content = Content::NewDevice {
            name: "ada".parse().unwrap(),
            place: Place {
                at: datetime!(2026-05-04 08:07 +2),
                address: Some("::ffff:192.0.2.9".parse().unwrap()),
                browser: Some(Words::of("Browser/1.0 (X11)")),
            },
        };
        let written = content.written("https://host.example");
        let text = written.text.expose_secret();
        assert!(
            text.contains("That was on 2026-05-04 06:07 UTC, from 192.0.2.9, by Browser 1 0 (X11)."),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_words_break_a_line_or_make_a_link(text in "\\PC{0,40}[\\r\\n\u{2028}\u{0085}.:/@]{0,9}\\PC{0,40}") {
            let words = Words::of(&text).to_string();
            prop_assert!(!words.contains(|c: char| c.is_control() || is_unseen(c)), "{words:?}");
            prop_assert!(!words.contains([':', '/', '@', '<', '>']), "{words:?}");
            let mut last = 'x';
            for letter in words.chars() {
                prop_assert!(!is_dot(last) || letter.is_whitespace(), "{words:?}");
                last = letter;
            }
            prop_assert!(words.chars().count() <= LONGEST);
        }
    }
}
