//! One server: its state with the reason, its acts, its console, its settings.

use askama::Template;
use time::OffsetDateTime;
use watchroom_fleet::ServerView;
use watchroom_model::console::{Line, Source};

use super::servers::ServerRow;
use super::{Command, Faults, Field, Icon, Moment, Shell, bytes};
use crate::text::{EN, Text};

/// What the person may do with a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct May {
    /// Start, stop, restart.
    pub(crate) control: bool,
    /// Send lines to its console.
    pub(crate) send: bool,
    /// Remove it.
    pub(crate) remove: bool,
}

/// The live part: state and acts.
#[derive(Debug, Template)]
#[template(path = "pages/server_live.html")]
pub(crate) struct ServerLive {
    /// The words.
    pub(crate) t: &'static Text,
    /// The token that forms carry.
    pub(crate) csrf: String,
    /// The server.
    pub(crate) row: ServerRow,
    /// What may be done.
    pub(crate) may: May,
}

/// The setting of a server as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// What is set.
    pub(crate) label: &'static str,
    /// To what.
    pub(crate) value: String,
    /// Whether it is shown exactly as it was typed, rather than as words.
    pub(crate) is_exact: bool,
}

/// A console line of the page itself, before any script.
#[derive(Clone, Debug)]
pub(crate) struct ConsoleLine {
    /// Its class: where it came from.
    pub(crate) class: &'static str,
    /// When.
    pub(crate) at: Moment,
    /// What it says, without control sequences.
    pub(crate) text: String,
}

impl From<Line> for ConsoleLine {
    fn from(line: Line) -> Self {
        let class = match line.source {
            Source::Stdout => "stdout",
            Source::Stderr => "stderr",
            Source::Input => "input",
            Source::System => "system",
        };
        Self {
            class,
            at: Moment::clock(line.at),
            text: plain(&line.text),
        }
    }
}

/// The text without terminal sequences and control characters.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                // A control sequence ends with a character from @ to ~ (ECMA-48, 5.4).
                while characters
                    .next()
                    .is_some_and(|inner| !('@'..='~').contains(&inner))
                {}
            }
            '\u{1b}' if characters.next_if_eq(&']').is_some() => {
                while characters
                    .next()
                    .is_some_and(|inner| inner != '\u{7}' && inner != '\u{1b}')
                {}
                characters.next_if_eq(&'\\');
            }
            '\t' => shown.push('\t'),
            control if control.is_control() => {}
            seen => shown.push(seen),
        }
    }
    shown
}

/// The removal form.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    /// What it will do, in sentences.
    pub(crate) what: Vec<String>,
    /// The name, typed again.
    pub(crate) name: Field,
    /// The password, where the last proof is old.
    pub(crate) password: Option<Field>,
    /// Whether it opens at once, since something was wrong.
    pub(crate) is_open: bool,
}

impl Removal {
    /// The form for this server; `needs_proof` where the last one is older than ten minutes.
    pub(crate) fn new(server: &ServerView, needs_proof: bool, typed: &str, faults: &Faults) -> Self {
        let mut what = Vec::new();
        if server.pid.is_some() {
            what.push(EN.remove_stops(&server.name));
        }
        what.push(EN.remove_forgets(&server.node_name));
        what.push(EN.remove_keeps_folder.to_owned());
        let password = Field::password("password", EN.password, "current-password")
            .hint(EN.proof_hint)
            .wrong(faults);
        Self {
            what,
            name: Field::text("confirm_name", EN.remove_type_name)
                .value(typed)
                .required()
                .wrong(faults),
            password: needs_proof.then(|| password.within("remove")),
            is_open: !faults.is_empty(),
        }
    }
}

/// A server's page.
#[derive(Debug, Template)]
#[template(path = "pages/server.html")]
pub(crate) struct ServerPage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    /// Its live part.
    pub(crate) live: ServerLive,
    /// The end of the console, or why there is none.
    pub(crate) console: Result<Vec<ConsoleLine>, String>,
    /// How it is set.
    pub(crate) settings: Vec<Setting>,
    /// The acts as commands.
    pub(crate) commands: Vec<Command>,
    /// The removal form, for those who may.
    pub(crate) removal: Option<Removal>,
}

impl ServerPage {
    /// The address of the server's page and its acts.
    pub(crate) fn id(&self) -> String {
        self.live.row.server.id.to_string()
    }
}

impl ServerLive {
    /// The server as seen at `now`.
    pub(crate) fn new(server: ServerView, may: May, csrf: String, now: OffsetDateTime) -> Self {
        Self {
            t: &EN,
            csrf,
            row: ServerRow::new(server, now),
            may,
        }
    }
}

/// The acts on a server as commands.
pub(crate) fn commands(server: &ServerView, may: May) -> Vec<Command> {
    let (name, node) = (server.name.as_str(), server.node_name.as_str());
    let path = format!("/api/servers/{}", server.id);
    let act = |(verb, label): (&str, &'static str)| {
        let arguments = ["server", verb, name, "--node", node];
        Command::new(&arguments, "POST", &format!("{path}/{verb}"), None).called(label)
    };
    let mut commands = Vec::new();
    if may.control {
        commands.extend([("start", EN.start), ("stop", EN.stop), ("restart", EN.restart)].map(act));
    }
    let logs = ["server", "logs", name, "--node", node, "-f"];
    let logs = Command::new(&logs, "GET", &format!("{path}/logs?limit=100"), None);
    commands.push(logs.called(EN.console));
    if may.remove {
        let remove = ["server", "remove", name, "--node", node];
        commands.push(Command::new(&remove, "DELETE", &path, None).called(EN.server_remove));
    }
    commands
}

/// How a server is set, as words.
pub(crate) fn settings(server: &ServerView) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut set = |label, value: String, is_exact| {
        settings.push(Setting {
            label,
            value,
            is_exact,
        });
    };
    set(EN.command, server.command.join("\n"), true);
    let mut given = |label, typed: &Option<String>, otherwise: &str| {
        set(
            label,
            typed.as_deref().unwrap_or(otherwise).to_owned(),
            typed.is_some(),
        );
    };
    given(EN.folder, &server.folder, EN.folder_own);
    given(EN.run_as, &server.run_as, EN.run_as_own);
    let policy = super::create::policy_words(server.restart_policy).to_owned();
    set(EN.restart_policy, policy, false);
    let line = server
        .stop
        .line
        .as_ref()
        .map(|line| EN.stop_by_line(line))
        .unwrap_or_default();
    let signal = EN.stop_by_signal(server.stop.patience_s, signal(server));
    set(
        EN.stop_method,
        format!("{line} {signal}").trim_start().to_owned(),
        false,
    );
    set(EN.limits, limits(server), false);
    for (key, value) in &server.labels {
        set(EN.label, format!("{key} = {value}"), true);
    }
    settings
}

fn signal(server: &ServerView) -> String {
    format!("sig{:?}", server.stop.signal).to_uppercase()
}

fn limits(server: &ServerView) -> String {
    let limits = &server.limits;
    let parts: Vec<_> = [
        limits.memory_bytes.map(|count| EN.limit_memory(bytes(count))),
        limits.cpu_percent.map(|percent| EN.limit_cpu(percent)),
        limits.processes.map(|count| EN.limit_processes(count)),
        limits.open_files.map(|count| EN.limit_files(count)),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (parts.is_empty(), server.limited_by.as_str()) {
        (true, _) => EN.limits_none.to_owned(),
        (false, "") => parts.join(", "),
        (false, by) => EN.limits_by(by, parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_sequences_leave_the_words() {
        assert_eq!(
            plain("\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}and\u{8} plain"),
            "red and plain"
        );
        assert_eq!(plain("cut \u{1b}[31"), "cut ");
    }

    proptest! {
        #[test]
        fn a_plain_line_has_no_control_character_but_tabs(text in any::<String>()) {
            prop_assert!(plain(&text).chars().all(|c| c == '\t' || !c.is_control()));
        }
    }
}
