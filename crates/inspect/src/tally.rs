//! What was seen in one view, added up.

use crate::rule::{Class, Rule};

/// From this score on a text is refused. Weights are set so that one proof is enough, and so are two or three
/// things that rarely meet in honest text.
pub const REFUSED: u8 = 50;

/// An attack that was recognised. It carries nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that weighed most.
    pub rule: Rule,
    /// How sure, from [`REFUSED`] to 100.
    pub score: u8,
}

impl Finding {
    /// The kind of attack.
    #[must_use]
    pub fn class(&self) -> Class {
        self.rule.class()
    }
}

/// The evidence of one reader in one view.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    score: u16,
    heaviest: Option<(Rule, u8)>,
}

impl Tally {
    /// Adds something that was seen.
    pub(crate) fn add(&mut self, rule: Rule, weight: u8) {
        self.score = self.score.saturating_add(u16::from(weight));
        if self.heaviest.is_none_or(|(_, heaviest)| weight > heaviest) {
            self.heaviest = Some((rule, weight));
        }
    }

    /// Whether there is enough already, so that a reader can stop.
    pub(crate) fn is_decided(&self) -> bool {
        self.score >= u16::from(REFUSED)
    }

    /// The verdict.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let (rule, _) = self.heaviest.filter(|_| self.is_decided())?;
        let score = u8::try_from(self.score.min(100)).unwrap_or(100);
        Some(Finding { rule, score })
    }
}
