//! Who would gain or lose what by a change, shown before it is made.

use askama::Template;
use askama::filters::HtmlSafe;
use watchroom_identity::{Difference, WhatIf};
use watchroom_policy::Scope;

use crate::text::{EN, Text};

/// What one person would gain or lose somewhere.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    gains: bool,
    place: String,
    what: String,
}

/// The table of it.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/ahead.html")]
pub(crate) struct Ahead {
    t: &'static Text,
    rows: Vec<Row>,
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for Ahead {}

impl Ahead {
    /// All that would be gained and lost; `place` puts a scope into words.
    pub(crate) fn new(answer: &WhatIf, place: impl Fn(&Scope) -> String) -> Self {
        let gains = answer.gains.iter().map(|one| (true, one));
        let loses = answer.loses.iter().map(|one| (false, one));
        let row = |(gains, one): (bool, &Difference)| {
            let what = one.permissions.iter().map(|permission| permission.name());
            let what: Vec<&str> = what.collect();
            Row {
                name: one.name.to_string(),
                gains,
                place: place(&one.scope),
                what: what.join(", "),
            }
        };
        Self {
            t: &EN,
            rows: gains.chain(loses).map(row).collect(),
        }
    }
}
