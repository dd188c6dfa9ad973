//! Reads environment variables and secret files into leaves.
//!
//! `WATCHROOM_HOST__LISTEN` sets `host.listen`. `WATCHROOM_X__Y_FILE` names a file that holds `x.y`, and so
//! does a systemd credential called `watchroom.x.y`; of these only the last line end is dropped.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::leaf::{Given, Leaf, find, is_branch};
use super::suggest::unknown_key;
use super::{ConfigError, Located, Origin};
use crate::environment::Environment;

const PREFIX: &str = "WATCHROOM_";
const CREDENTIAL_PREFIX: &str = "watchroom.";

/// Values from variables, values from secret files, and what is wrong with either.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) secrets: Vec<Leaf>,
    pub(super) variables: Vec<Leaf>,
    pub(super) problems: Vec<Located>,
}

pub(super) fn read(environment: &Environment, defaults: &Value) -> Result<Outside, ConfigError> {
    let mut outside = Outside::default();
    if let Some(folder) = environment.get("CREDENTIALS_DIRECTORY") {
        credentials(Path::new(folder), defaults, &mut outside)?;
    }
    for (variable, value) in environment.iter() {
        // Without a section it is no setting: WATCHROOM_LOG and the like.
        let Some(rest) = variable.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else {
            continue;
        };
        let path: Vec<String> = rest.to_lowercase().split("__").map(str::to_owned).collect();
        if is_setting(defaults, &path) {
            let origin = Origin::Environment {
                variable: variable.to_owned(),
            };
            outside.variables.push(Leaf {
                path,
                given: Given::Text(value.to_owned()),
                origin,
            });
        } else if let Some(path) = without_file_suffix(&path).filter(|path| is_setting(defaults, path)) {
            outside.secrets.push(secret(path, Path::new(value))?);
        } else {
            let origin = Origin::Environment {
                variable: variable.to_owned(),
            };
            outside.problems.push(unknown(defaults, &path, origin));
        }
    }
    Ok(outside)
}

fn credentials(folder: &Path, defaults: &Value, outside: &mut Outside) -> Result<(), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.sort();
    for file in files {
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        // A unit may be given credentials for other programs too.
        let Some(key) = name.strip_prefix(CREDENTIAL_PREFIX) else {
            continue;
        };
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        if is_setting(defaults, &path) {
            outside.secrets.push(secret(path, &file)?);
        } else {
            outside.problems.push(unknown(
                defaults,
                &path,
                Origin::SecretFile { path: file.clone() },
            ));
        }
    }
    Ok(())
}

fn secret(path: Vec<String>, file: &Path) -> Result<Leaf, ConfigError> {
    let text = fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
        path: file.to_owned(),
        source,
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
    Ok(Leaf {
        path,
        given: Given::Text(text),
        origin: Origin::SecretFile {
            path: file.to_owned(),
        },
    })
}

fn is_setting(defaults: &Value, path: &[String]) -> bool {
    find(defaults, path).is_some_and(|known| !is_branch(known))
}

fn without_file_suffix(path: &[String]) -> Option<Vec<String>> {
    let (last, parents) = path.split_last()?;
    let mut path = parents.to_vec();
    path.push(last.strip_suffix("_file")?.to_owned());
    Some(path)
}

fn unknown(defaults: &Value, path: &[String], origin: Origin) -> Located {
    // The deepest part that is known offers the siblings to suggest from.
    let mut depth = path.len().saturating_sub(1);
    while depth > 0 && path.get(..depth).and_then(|part| find(defaults, part)).is_none() {
        depth -= 1;
    }
    let siblings = path
        .get(..depth)
        .and_then(|part| find(defaults, part))
        .unwrap_or(defaults);
    let wrong = path.get(..=depth).unwrap_or(path);
    Located {
        key: path.join("."),
        message: unknown_key(defaults, siblings, wrong),
        origin,
    }
}
