//! What came of the inputs: how often what was heard, and everything that must not be heard.

use std::collections::BTreeMap;

use super::wire::statuses;

/// Failures that are kept in full: one would do.
const KEPT: usize = 10;
/// What a Host that has enough to do may say with 503.
const DECLARED: &[&str] = &["/problems/overloaded", "/problems/sign-in-busy"];

/// A count for each answer, and what was wrong.
#[derive(Debug, Default)]
pub struct Tally {
    pub inputs: u64,
    pub answers: BTreeMap<u16, u64>,
    pub wrong: Vec<String>,
}

impl Tally {
    /// Looks through what was heard of one input.
    pub fn heard(&mut self, heard: &[u8], input: &[u8]) {
        self.inputs += 1;
        for (status, answer) in statuses(heard) {
            let text = String::from_utf8_lossy(answer);
            let is_declared = status == 503 && DECLARED.iter().any(|slug| text.contains(slug));
            self.status(status, is_declared, input, &text);
        }
    }

    /// Counts one answer, and keeps what must not be.
    pub fn status(&mut self, status: u16, is_declared: bool, input: &[u8], answer: &str) {
        *self.answers.entry(status).or_default() += 1;
        if status >= 500 && !is_declared && self.wrong.len() < KEPT {
            let shown = &input[..input.len().min(2_000)];
            self.wrong
                .push(format!("{status} to {}\n{answer:.2000}", shown.escape_ascii()));
        }
    }

    pub fn add(&mut self, other: Self) {
        self.inputs += other.inputs;
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }
}
