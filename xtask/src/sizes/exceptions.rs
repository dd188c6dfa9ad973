//! What may be longer than the budget, each with its reason. The list may only shrink.

use anyhow::{Context, Result, bail};

use super::Measured;
use crate::finding::Finding;

/// Where the list is kept, from the root.
pub(super) const FILE: &str = "xtask/size-exceptions.txt";

/// One agreed exception.
struct Exception {
    name: String,
    lines: usize,
}

/// The list. Its first line, `at most N`, is lowered with it and never raised without a review seeing it.
pub(super) struct Exceptions {
    most: usize,
    all: Vec<Exception>,
}

impl Exceptions {
    /// Reads `at most N`, then lines of `name lines reason...`; `#` begins a comment.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = lines.next().and_then(|line| line.strip_prefix("at most "));
        let most = first
            .context("the first line must be `at most N`")?
            .parse()
            .context("`at most` what?")?;
        let mut all = Vec::new();
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let (Some(name), Some(lines), Some(_reason)) = (words.next(), words.next(), words.next()) else {
                bail!("{line:?} must be a name, its lines and the reason");
            };
            let lines = lines
                .parse()
                .with_context(|| format!("{lines:?} is no number of lines"))?;
            all.push(Exception {
                name: name.to_owned(),
                lines,
            });
        }
        Ok(Self { most, all })
    }

    /// The lines agreed for a file or function, if it is an exception.
    pub(super) fn limit(&self, name: &str) -> Option<usize> {
        self.all
            .iter()
            .find(|exception| exception.name == name)
            .map(|exception| exception.lines)
    }

    /// What the list says and need not say any more.
    pub(super) fn stale(
        &self,
        files: &[Measured],
        file_max: usize,
        functions: &[Measured],
        function_max: usize,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.all.len() != self.most {
            let fault = format!("says at most {} and lists {}", self.most, self.all.len());
            findings.push(Finding::new(
                FILE,
                fault,
                "lower the number with the list; do not raise it",
            ));
        }
        for exception in &self.all {
            let (measured, max) = if exception.name.contains('#') {
                (functions, function_max)
            } else {
                (files, file_max)
            };
            let lines = measured
                .iter()
                .filter(|one| one.name == exception.name)
                .map(|one| one.lines)
                .max();
            let lines = lines.unwrap_or(0);
            if lines <= max {
                findings.push(Finding::new(
                    FILE,
                    format!("{} is within the budget", exception.name),
                    "remove its line",
                ));
            } else if lines < exception.lines {
                let fault = format!("{} has shrunk to {lines} lines", exception.name);
                findings.push(Finding::new(FILE, fault, "write that number into its line"));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &str, lines: usize) -> usize {
        let files = [Measured {
            name: "a.rs".to_owned(),
            lines,
        }];
        Exceptions::parse(list).unwrap().stale(&files, 500, &[], 80).len()
    }

    #[test]
    fn an_exception_that_is_not_needed_any_more_must_go() {
        assert_eq!(found("at most 1\na.rs 600 a table", 600), 0);
        assert_eq!(found("at most 1\na.rs 600 a table", 590), 1);
        assert_eq!(found("at most 1\na.rs 600 a table", 400), 1);
        assert_eq!(found("at most 1\ngone.rs 600 a table", 600), 1);
    }

    #[test]
    fn the_list_cannot_grow_unseen() {
        assert_eq!(found("at most 0\na.rs 600 a table", 600), 1);
        assert_eq!(found("at most 3\na.rs 600 a table", 600), 1);
    }

    #[test]
    fn an_exception_has_a_reason() {
        assert!(Exceptions::parse("at most 1\na.rs 600").is_err());
        assert!(Exceptions::parse("a.rs 600 why").is_err());
    }
}
