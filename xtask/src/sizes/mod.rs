//! Sizes are a budget: files of at most 150 lines in the median, functions of at most 30 nine times in ten.

mod exceptions;
mod functions;

use anyhow::Result;

use self::exceptions::Exceptions;
use crate::finding::Finding;
use crate::workspace::Workspace;

/// Half of all files stay below this.
const FILE_MEDIAN: usize = 150;
/// Nine files of ten stay below this.
const FILE_MOST: usize = 350;
/// No file is longer.
const FILE_MAX: usize = 500;
/// Nine functions of ten stay below this.
const FUNCTION_MOST: usize = 30;
/// No function is longer.
const FUNCTION_MAX: usize = 80;

/// A file or function and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Measured {
    /// `path` for a file, `path#function` for a function.
    name: String,
    lines: usize,
}

/// Measures every tracked Rust file.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let exceptions = Exceptions::parse(&workspace.read(exceptions::FILE)?)?;
    let mut files = Vec::new();
    let mut functions = Vec::new();
    for (name, text) in workspace.rust_files()? {
        // What a compile-fail test holds up as wrong is not code of ours.
        if name.contains("/compile-fail/") || name.contains("/compile_fail/") {
            continue;
        }
        files.push(Measured {
            name: name.to_owned(),
            lines: text.lines().count(),
        });
        functions.extend(functions::measure(name, &text));
    }
    let mut findings = exceptions.stale(&files, FILE_MAX, &functions, FUNCTION_MAX);
    findings.extend(share(&files, 50, FILE_MEDIAN, "files"));
    findings.extend(share(&files, 90, FILE_MOST, "files"));
    findings.extend(share(&functions, 90, FUNCTION_MOST, "functions"));
    findings.extend(over(
        &files,
        FILE_MAX,
        &exceptions,
        "split it by what changes together",
    ));
    findings.extend(over(
        &functions,
        FUNCTION_MAX,
        &exceptions,
        "give its steps names",
    ));
    Ok(findings)
}

/// Whether `percent` of the measured stay within `limit`.
fn share(measured: &[Measured], percent: usize, limit: usize, what: &str) -> Option<Finding> {
    let mut lines: Vec<usize> = measured.iter().map(|one| one.lines).collect();
    lines.sort_unstable();
    let place = (lines.len() * percent).div_ceil(100).max(1) - 1;
    let found = *lines.get(place)?;
    let fault = format!("{percent} % should have at most {limit} lines, but reach {found}");
    (found > limit).then(|| Finding::new(format!("all {what}"), fault, "split the longest"))
}

fn over(measured: &[Measured], max: usize, exceptions: &Exceptions, remedy: &str) -> Vec<Finding> {
    let too_long = measured
        .iter()
        .filter(|one| one.lines > exceptions.limit(&one.name).unwrap_or(max));
    too_long
        .map(|one| {
            Finding::new(
                &one.name,
                format!("{} lines, at most {max} are allowed", one.lines),
                remedy,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(lines: &[usize]) -> Vec<Measured> {
        lines
            .iter()
            .map(|lines| Measured {
                name: format!("{lines}.rs"),
                lines: *lines,
            })
            .collect()
    }

    #[test]
    fn half_of_the_files_must_be_short() {
        assert_eq!(share(&measured(&[10, 20, 400]), 50, 150, "files"), None);
        assert!(share(&measured(&[10, 151, 400]), 50, 150, "files").is_some());
        assert_eq!(share(&[], 50, 150, "files"), None);
    }

    #[test]
    fn one_function_of_ten_may_be_long() {
        assert_eq!(
            share(&measured(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 70]), 90, 30, "functions"),
            None
        );
        assert!(share(&measured(&[1, 1, 1, 1, 1, 1, 1, 1, 60, 70]), 90, 30, "functions").is_some());
    }

    #[test]
    fn none_is_too_long_but_by_name_and_no_longer_than_agreed() {
        let exceptions = Exceptions::parse("at most 1\n501.rs 501 a table\n").unwrap();
        assert!(over(&measured(&[500, 501]), 500, &exceptions, "").is_empty());
        assert_eq!(over(&measured(&[502]), 500, &exceptions, "").len(), 1);
    }
}
