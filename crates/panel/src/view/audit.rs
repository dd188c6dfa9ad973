//! The log book: search, the detail of an entry, the state of the chain.

use askama::Template;

use super::deed::Deed;
use super::{Choice, Command, Field, Moment, Shell};
use crate::text::{EN, Text};

/// One of an entry's further facts.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// What it is.
    pub(crate) label: &'static str,
    /// As people call it.
    pub(crate) value: String,
    /// As the log has it, where that differs.
    pub(crate) exact: String,
}

/// An entry as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct AuditRow {
    /// Its place in its chain.
    pub(crate) seq: u64,
    /// When.
    pub(crate) at: Moment,
    /// Who did what to what, by name where the name is still known.
    pub(crate) deed: Deed,
    /// Further facts.
    pub(crate) facts: Vec<Fact>,
    /// What else was written down, as indented JSON; before and after among it.
    pub(crate) extra: String,
}

/// What is searched for, as it was typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct AuditSought {
    /// Not before, UTC, `2026-11-20T17:58`.
    pub(crate) from: String,
    /// Not after.
    pub(crate) to: String,
    /// Who: a user name or an id.
    pub(crate) user: String,
    /// The kind of event.
    pub(crate) event_type: String,
    /// The act's name.
    pub(crate) action: String,
    /// On what.
    pub(crate) resource: String,
    /// How it ended.
    pub(crate) result: String,
    /// From which address.
    pub(crate) source_ip: String,
    /// Words anywhere in the entry.
    pub(crate) text: String,
    /// Where the last page ended.
    pub(crate) cursor: String,
}

impl AuditSought {
    /// The search as a query string, with another cursor; only what was given.
    pub(crate) fn query(&self, cursor: Option<&str>) -> String {
        let given = [
            ("from", self.from.as_str()),
            ("to", &self.to),
            ("user", &self.user),
            ("event_type", &self.event_type),
            ("action", &self.action),
            ("resource", &self.resource),
            ("result", &self.result),
            ("source_ip", &self.source_ip),
            ("text", &self.text),
            ("cursor", cursor.unwrap_or_default()),
        ];
        super::query(&given)
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/audit.html")]
pub(crate) struct AuditPage {
    t: &'static Text,
    shell: Shell,
    fields: Vec<Field>,
    event_type: Choice,
    result: Choice,
    rows: Vec<AuditRow>,
    next: Option<String>,
    is_filtered: bool,
    may_verify: bool,
    export_jsonl: String,
    export_csv: String,
    command: Command,
}

impl AuditPage {
    /// The entries found for what was sought.
    pub(crate) fn new(
        shell: Shell,
        sought: &AuditSought,
        (rows, next_cursor): (Vec<AuditRow>, Option<String>),
        may_verify: bool,
    ) -> Self {
        let query = sought.query(None);
        let export = |format: &str| {
            let rest = query
                .strip_prefix('?')
                .map(|rest| format!("&{rest}"))
                .unwrap_or_default();
            format!("/api/audit/export?format={format}{rest}")
        };
        Self {
            t: &EN,
            shell,
            fields: vec![
                Field::text("text", EN.audit_text).value(sought.text.as_str()),
                Field::text("user", EN.audit_who).value(sought.user.as_str()),
                Field::text("action", EN.audit_action).value(sought.action.as_str()),
                Field::text("resource", EN.audit_resource).value(sought.resource.as_str()),
                Field::text("source_ip", EN.address).value(sought.source_ip.as_str()),
                Field::moment("from", EN.audit_from).value(sought.from.as_str()),
                Field::moment("to", EN.audit_to).value(sought.to.as_str()),
            ],
            event_type: event_choice(&sought.event_type),
            result: result_choice(&sought.result),
            rows,
            next: next_cursor.map(|cursor| format!("/audit{}", sought.query(Some(&cursor)))),
            is_filtered: !query.is_empty(),
            may_verify,
            export_jsonl: export("jsonl"),
            export_csv: export("csv"),
            command: Command::new(&["audit", "search"], "GET", "/api/audit?limit=100", None),
        }
    }
}

fn event_choice(chosen: &str) -> Choice {
    let words = [
        "AUDIT",
        "AUTH",
        "AUTH_FAILED",
        "AUTHZ_DENIED",
        "SECURITY",
        "SUSPICIOUS",
        "ERROR",
    ];
    let mut options = vec![(String::new(), EN.any.to_owned())];
    options.extend(words.map(|word| (word.to_owned(), word.to_owned())));
    Choice::new("event_type", EN.audit_event, options, chosen)
}

fn result_choice(chosen: &str) -> Choice {
    let options = [
        ("", EN.any),
        ("success", EN.result_success),
        ("failure", EN.result_failure),
        ("denied", EN.result_denied),
    ];
    let options = options.map(|(value, words)| (value.to_owned(), words.to_owned()));
    Choice::new("result", EN.audit_result, options.into(), chosen)
}
