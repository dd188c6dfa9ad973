//! The form that makes a server.

use askama::Template;
use watchroom_model::{RestartPolicy, ServerName};

use super::{Choice, Command, Faults, Field, Shell};
use crate::text::{EN, Text};

/// What was typed, as it was typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct CreateTyped {
    /// Its name.
    pub(crate) name: String,
    /// The id or name of its node.
    pub(crate) node: String,
    /// Program and arguments, one a line.
    pub(crate) command: String,
    /// `NAME=value`, one a line.
    pub(crate) env: String,
    /// The folder below the node's server root.
    pub(crate) folder: String,
    /// The account it runs as.
    pub(crate) run_as: String,
    /// When it is started again.
    pub(crate) restart_policy: String,
    /// The console line that stops it.
    pub(crate) stop_line: String,
    /// The signal that stops it.
    pub(crate) stop_signal: String,
    /// How long to wait, in seconds.
    pub(crate) stop_patience: String,
    /// Memory, in MiB.
    pub(crate) memory_mib: String,
    /// Hundredths of a core.
    pub(crate) cpu_percent: String,
    /// `key=value`, one a line.
    pub(crate) labels: String,
}

/// The form.
#[derive(Debug, Template)]
#[template(path = "pages/create.html")]
pub(crate) struct CreatePage {
    /// The words.
    pub(crate) t: &'static Text,
    /// What surrounds it.
    pub(crate) shell: Shell,
    name: Field,
    node: Choice,
    command: Field,
    restart_policy: Choice,
    more: Vec<Field>,
    signal: Choice,
    is_more_open: bool,
    beside: Vec<String>,
    as_command: Command,
}

/// Fields the form shows, under the names that faults carry.
const SHOWN: &[&str] = &[
    "name",
    "node",
    "command",
    "restart_policy",
    "env",
    "folder",
    "run_as",
    "stop_line",
    "stop_signal",
    "stop_patience",
    "memory_mib",
    "cpu_percent",
    "labels",
];

impl CreatePage {
    /// The form with what was typed and what is wrong with it; `nodes` are id and name.
    pub(crate) fn new(
        shell: Shell,
        nodes: Vec<(String, String)>,
        typed: &CreateTyped,
        faults: &Faults,
    ) -> Self {
        let more = vec![
            Field::lines("env", EN.env)
                .hint(EN.env_hint)
                .value(typed.env.as_str())
                .wrong(faults),
            Field::text("folder", EN.folder)
                .hint(EN.folder_hint)
                .value(typed.folder.as_str())
                .wrong(faults),
            Field::text("run_as", EN.run_as)
                .hint(EN.run_as_hint)
                .value(typed.run_as.as_str())
                .wrong(faults),
            Field::text("stop_line", EN.stop_line)
                .hint(EN.stop_line_hint)
                .value(typed.stop_line.as_str())
                .wrong(faults),
            Field::number("stop_patience", EN.stop_patience)
                .value(typed.stop_patience.as_str())
                .wrong(faults),
            Field::number("memory_mib", EN.memory_mib)
                .value(typed.memory_mib.as_str())
                .wrong(faults),
            Field::number("cpu_percent", EN.cpu_percent)
                .value(typed.cpu_percent.as_str())
                .wrong(faults),
            Field::lines("labels", EN.labels)
                .hint(EN.labels_hint)
                .value(typed.labels.as_str())
                .wrong(faults),
        ];
        let of_more = [
            "env",
            "folder",
            "run_as",
            "stop_line",
            "stop_signal",
            "stop_patience",
            "memory_mib",
            "cpu_percent",
            "labels",
        ];
        Self {
            t: &EN,
            name: Field::text("name", EN.name)
                .hint(ServerName::RULE)
                .value(typed.name.as_str())
                .required()
                .focus()
                .wrong(faults),
            node: Choice::new("node", EN.node, nodes, typed.node.as_str()).wrong(faults),
            command: Field::lines("command", EN.command)
                .hint(EN.command_hint)
                .value(typed.command.as_str())
                .required()
                .wrong(faults),
            restart_policy: policy_choice(&typed.restart_policy).wrong(faults),
            is_more_open: of_more.iter().any(|name| !faults.of(name).is_empty()),
            more,
            signal: signal_choice(&typed.stop_signal).wrong(faults),
            beside: faults.beside(SHOWN),
            as_command: Command::new(
                &["server", "create", "NAME", "--", "program", "argument"],
                "POST",
                "/api/servers",
                Some(r#"{"name":"NAME","command":["program","argument"]}"#),
            ),
            shell,
        }
    }
}

/// A restart policy in words.
pub(crate) fn policy_words(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::Never => EN.policy_never,
        RestartPolicy::OnFailure => EN.policy_on_failure,
        RestartPolicy::Always => EN.policy_always,
        RestartPolicy::UnlessStopped => EN.policy_unless_stopped,
    }
}

fn policy_choice(chosen: &str) -> Choice {
    let options = [
        ("on-failure", RestartPolicy::OnFailure),
        ("always", RestartPolicy::Always),
        ("unless-stopped", RestartPolicy::UnlessStopped),
        ("never", RestartPolicy::Never),
    ];
    let options = options.map(|(value, policy)| (value.to_owned(), policy_words(policy).to_owned()));
    Choice::new("restart_policy", EN.restart_policy, options.into(), chosen)
}

fn signal_choice(chosen: &str) -> Choice {
    let options = ["TERM", "INT", "HUP", "QUIT"].map(|word| (word.to_owned(), format!("SIG{word}")));
    Choice::new("stop_signal", EN.stop_signal, options.into(), chosen)
}
