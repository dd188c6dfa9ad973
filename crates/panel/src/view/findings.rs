//! Input that looked like an attack: what, where, from whom, and what became of it.

use askama::Template;
use watchroom_records::FindingView;

use super::{Command, Moment, Shell};
use crate::text::{EN, Text};

/// A finding as the page shows it.
#[derive(Clone, Debug)]
pub(crate) struct FindingRow {
    at: Moment,
    attack: &'static str,
    tone: &'static str,
    outcome: &'static str,
    finding: FindingView,
}

impl From<FindingView> for FindingRow {
    fn from(finding: FindingView) -> Self {
        let (tone, outcome) = match finding.is_refused {
            true => ("bad", EN.finding_refused),
            false => ("warn", EN.finding_reported),
        };
        Self {
            at: Moment::full(finding.timestamp),
            attack: attack(&finding.attack),
            tone,
            outcome,
            finding,
        }
    }
}

/// A kind of attack in words.
fn attack(word: &str) -> &'static str {
    match word {
        "sqli" => EN.finding_sqli,
        "xss" => EN.finding_xss,
        _ => EN.finding_traversal,
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/findings.html")]
pub(crate) struct FindingsPage {
    t: &'static Text,
    shell: Shell,
    rows: Vec<FindingRow>,
    next: Option<String>,
    command: Command,
}

impl FindingsPage {
    /// The findings, newest first.
    pub(crate) fn new(shell: Shell, rows: Vec<FindingRow>, next_cursor: Option<String>) -> Self {
        let older = |cursor: String| {
            format!(
                "/security/findings{}",
                super::query(&[("cursor", cursor.as_str())])
            )
        };
        Self {
            t: &EN,
            shell,
            rows,
            next: next_cursor.map(older),
            command: Command::new(
                &["audit", "search", "--action", "shield.inspected"],
                "GET",
                "/api/security/findings?limit=100",
                None,
            ),
        }
    }
}
