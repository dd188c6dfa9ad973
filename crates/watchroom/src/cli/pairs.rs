//! `KEY=VALUE` arguments, and files of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use watchroom_kit::FaultKind;

use crate::failure::Failure;

/// Reads one `KEY=VALUE`.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

/// Reads a file of `KEY=VALUE` lines; empty lines and those that begin with `#` say nothing.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let refusal =
        |message: String| Failure::new(FaultKind::Invalid, format!("{}: {message}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| refusal(error.to_string()))?;
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    // The line itself may hold a secret: only its number is told.
    lines
        .map(|(line, number)| parse(line).map_err(|_| refusal(format!("line {number} is not KEY=VALUE"))))
        .collect()
}
