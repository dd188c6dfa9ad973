//! Everything wrong with the configuration, reported together.

use std::fmt;
use std::path::PathBuf;

use watchroom_kit::{Fault, FaultKind, FieldFault};

use super::Origin;

/// One problem and the place it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The key, dotted from the root; empty if a whole file is at fault.
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Where it was written; the default if nowhere.
    pub origin: Origin,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Some values are wrong; all of them are listed.
    #[error("the configuration has {}", count(.0))]
    Wrong(Vec<Located>),
    /// A file that should be read cannot be.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The defaults themselves cannot be written down.
    #[error("the default configuration is not a tree of plain values")]
    Defaults(#[from] serde_json::Error),
}

fn count(problems: &[Located]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    }
}

impl ConfigError {
    /// The problems found; empty if a file could not be read at all.
    #[must_use]
    pub fn problems(&self) -> &[Located] {
        match self {
            Self::Wrong(problems) => problems,
            Self::Unreadable { .. } | Self::Defaults(_) => &[],
        }
    }
}

impl Fault for ConfigError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Wrong(_) | Self::Unreadable { .. } => FaultKind::Invalid,
            Self::Defaults(_) => FaultKind::Internal,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Wrong(_) => "configuration-wrong",
            Self::Unreadable { .. } => "configuration-unreadable",
            Self::Defaults(_) => "internal",
        }
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn fields(&self) -> Vec<FieldFault> {
        let field = |problem: &Located| {
            let place = match &problem.origin {
                Origin::Default => problem.key.clone(),
                origin if problem.key.is_empty() => origin.to_string(),
                origin => format!("{origin}: {}", problem.key),
            };
            FieldFault::new(place, "configuration", problem.message.clone())
        };
        self.problems().iter().map(field).collect()
    }
}
