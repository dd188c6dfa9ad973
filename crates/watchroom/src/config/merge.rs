//! Merges leaves into a tree, trying each value on its own against the schema.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use watchroom_kit::config::Problems;

use super::leaf::{Given, Leaf, find, put};
use super::tree::Tree;
use super::{ConfigError, Located, Origin, file};

/// A tree on its way from its defaults to what all sources say.
pub(super) struct Merge<T: Tree> {
    defaults: Value,
    tree: Value,
    origins: BTreeMap<String, Origin>,
    pub(super) problems: Vec<Located>,
    shape: std::marker::PhantomData<T>,
}

impl<T: Tree> Merge<T> {
    pub(super) fn new() -> Result<Self, ConfigError> {
        let defaults = serde_json::to_value(T::default())?;
        let tree = defaults.clone();
        let (origins, problems) = (BTreeMap::new(), Vec::new());
        Ok(Self {
            defaults,
            tree,
            origins,
            problems,
            shape: std::marker::PhantomData,
        })
    }

    /// The tree of defaults: all the keys there are.
    pub(super) fn defaults(&self) -> &Value {
        &self.defaults
    }

    pub(super) fn take(&mut self, leaves: impl IntoIterator<Item = Leaf>) {
        for leaf in leaves {
            match self.fitting(&leaf) {
                Ok(value) => {
                    put(&mut self.tree, &leaf.path, value);
                    self.origins.insert(leaf.key(), leaf.origin);
                }
                Err(message) => self.problems.push(Located {
                    key: leaf.key(),
                    message,
                    origin: leaf.origin,
                }),
            }
        }
    }

    /// The first reading of what was given that its section accepts. Each value is tried alone on the
    /// defaults, so that one wrong value cannot hide another.
    fn fitting(&self, leaf: &Leaf) -> Result<Value, String> {
        let known = find(&self.defaults, &leaf.path).ok_or("unknown key")?;
        let readings = match &leaf.given {
            Given::Typed(value) => vec![value.clone()],
            Given::Text(text) => readings(text, known),
        };
        let mut refusal = None;
        for reading in readings {
            let mut tree = self.defaults.clone();
            put(&mut tree, &leaf.path, reading.clone());
            match serde_json::from_value::<T>(tree) {
                Ok(_) => return Ok(reading),
                Err(error) => drop(refusal.get_or_insert_with(|| error.to_string())),
            }
        }
        Err(refusal.unwrap_or_else(|| "no value".to_owned()))
    }

    /// Sets what is usual under the chosen profile, where nobody said anything, and refuses what is weaker.
    fn follow_profile(&mut self) -> Result<(), ConfigError> {
        let chosen: T = serde_json::from_value(self.tree.clone())?;
        for rule in chosen.usual() {
            let path: Vec<String> = rule.key.split('.').map(str::to_owned).collect();
            let origin = nearest(&self.origins, rule.key);
            if origin == Origin::Default {
                put(&mut self.tree, &path, rule.usual.into());
                self.origins.insert(rule.key.to_owned(), Origin::Profile);
            } else if let Some(message) = find(&self.tree, &path).and_then(|said| rule.refuses(said)) {
                self.problems.push(Located {
                    key: rule.key.to_owned(),
                    message,
                    origin,
                });
            }
        }
        Ok(())
    }

    /// The finished tree, where its values came from, and all that is wrong with it.
    pub(super) fn finish(mut self, files: &[PathBuf]) -> Result<Merged<T>, ConfigError> {
        self.follow_profile()?;
        let tree: T = serde_json::from_value(self.tree)?;
        let mut found = Problems::default();
        tree.check_all(&mut found);
        for problem in found.into_vec() {
            let origin = nearest(&self.origins, &problem.key);
            self.problems.push(Located {
                key: problem.key,
                message: problem.message,
                origin,
            });
        }
        self.problems.sort_by_key(|problem| place(files, &problem.origin));
        Ok(Merged {
            tree,
            origins: self.origins,
            problems: self.problems,
        })
    }
}

/// What a merge came to.
pub(super) struct Merged<T> {
    pub(super) tree: T,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) problems: Vec<Located>,
}

/// The order in which problems are told: as one mends them, file by file from the top.
fn place(files: &[PathBuf], origin: &Origin) -> (usize, usize) {
    let after = files.len();
    match origin {
        Origin::File { path, line } => (files.iter().position(|file| file == path).unwrap_or(after), *line),
        Origin::SecretFile { .. } => (after, 0),
        Origin::Environment { .. } => (after, 1),
        Origin::Flag { .. } => (after, 2),
        Origin::Default | Origin::Profile => (after, 3),
    }
}

/// Where the value under `key`, or the table around it, was written.
pub(super) fn nearest(origins: &BTreeMap<String, Origin>, key: &str) -> Origin {
    let mut key = key;
    loop {
        if let Some(origin) = origins.get(key) {
            return origin.clone();
        }
        let Some((parent, _)) = key.rsplit_once(['.', '[']) else {
            return Origin::Default;
        };
        key = parent;
    }
}

/// What a text may mean, best first: what the default's type suggests, then anything else it could be.
fn readings(text: &str, known: &Value) -> Vec<Value> {
    let as_text = Value::String(text.to_owned());
    let as_toml = text
        .parse::<toml_edit::Value>()
        .ok()
        .map(|value| file::value_of(&toml_edit::Item::Value(value)));
    let as_list = || {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
    };
    match known {
        Value::String(_) => vec![as_text],
        Value::Array(_) => as_toml
            .filter(Value::is_array)
            .into_iter()
            .chain([as_list()])
            .collect(),
        Value::Null => [as_text].into_iter().chain(as_toml).chain([as_list()]).collect(),
        _ => as_toml.into_iter().chain([as_text]).collect(),
    }
}
