//! One value that somebody gave, with the place it came from.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// The profile (`security.profile`), as nobody said anything else.
    Profile,
    /// A configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A file that holds this one value: named by a `..._FILE` variable, or a systemd credential.
    SecretFile {
        /// Which.
        path: PathBuf,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag {
        /// Its name, with the dashes.
        name: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile => f.write_str("security.profile"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::SecretFile { path } => write!(f, "{}", path.display()),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { name } => f.write_str(name),
        }
    }
}

/// A value as it was given: typed by TOML, or text whose type only the section knows.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Typed(Value),
    Text(String),
}

/// A value, its key and its origin.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) given: Given,
    pub(super) origin: Origin,
}

impl Leaf {
    pub(super) fn key(&self) -> String {
        self.path.join(".")
    }
}

/// The value at `path`, if there is one.
pub(super) fn find<'a>(tree: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(tree, |branch, key| branch.get(key))
}

/// Puts `value` at `path`; the path is known to exist.
pub(super) fn put(tree: &mut Value, path: &[String], value: Value) {
    if let Some(place) = path.iter().try_fold(tree, |branch, key| branch.get_mut(key)) {
        *place = value;
    }
}

/// Whether the schema has keys of its own below this value; an empty table is free-form and set as a whole.
pub(super) fn is_branch(known: &Value) -> bool {
    known.as_object().is_some_and(|object| !object.is_empty())
}

/// Every key of the tree with its value, in order.
pub(super) fn leaves(tree: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    gather(tree, "", &mut found);
    found
}

fn gather<'a>(branch: &'a Value, prefix: &str, found: &mut Vec<(String, &'a Value)>) {
    for (key, value) in branch.as_object().into_iter().flatten() {
        let key = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        if is_branch(value) {
            gather(value, &key, found);
        } else {
            found.push((key, value));
        }
    }
}
