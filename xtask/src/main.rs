//! Checks of our own, for what no compiler or linter looks at: `cargo xtask check`, or one of its parts.
//!
//! Each part returns findings; a finding says where, what is wrong and what to do. Nothing here changes a file.

mod arch;
mod asvs;
mod crypto;
mod errors;
mod finding;
mod rust_text;
mod sizes;
mod trees;
mod words;
mod workspace;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::finding::Finding;
use crate::workspace::Workspace;

type Check = fn(&Workspace) -> Result<Vec<Finding>>;

/// Every check, in the order `check` runs them: the cheap ones first.
const CHECKS: &[(&str, &str, Check)] = &[
    (
        "arch",
        "edges between our crates, owners of libraries, places of globals",
        arch::check,
    ),
    ("sizes", "lines of files and functions", sizes::check),
    ("words", "what no tracked file may say", words::check),
    (
        "errors",
        "every error's name has its section in the guide",
        errors::check,
    ),
    (
        "asvs",
        "every verdict on the security standard names what shows it",
        asvs::check,
    ),
    (
        "crypto",
        "the inventory of cryptography is what is linked",
        crypto::check,
    ),
    ("trees", "libraries that must not be linked", trees::check),
];

/// Prints what `asvs` checks.
const VERDICTS: &str = "verdicts";

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    match run(&wanted, &mut out) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Standard error may be gone; the exit code still says it.
            let _unwritable = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one check, or all of them; whether nothing was found.
fn run(wanted: &str, out: &mut impl Write) -> Result<bool> {
    let workspace = Workspace::open().context("reading the workspace")?;
    if wanted == VERDICTS {
        asvs::print(&workspace, out)?;
        return Ok(true);
    }
    let chosen: Vec<_> = CHECKS
        .iter()
        .filter(|(name, ..)| wanted == "check" || wanted == *name)
        .collect();
    if chosen.is_empty() {
        bail!("{wanted:?} is no check; usage:\n{}", usage());
    }
    let mut clean = true;
    for (name, _, check) in chosen {
        let findings = check(&workspace).with_context(|| format!("running {name}"))?;
        writeln!(
            out,
            "{name}: {}",
            if findings.is_empty() {
                "ok".to_owned()
            } else {
                count(&findings)
            }
        )?;
        for finding in &findings {
            writeln!(out, "  {finding}")?;
        }
        clean &= findings.is_empty();
    }
    Ok(clean)
}

fn count(findings: &[Finding]) -> String {
    match findings.len() {
        1 => "1 finding".to_owned(),
        many => format!("{many} findings"),
    }
}

fn usage() -> String {
    let mut text = String::from("  cargo xtask check    all of these:\n");
    for (name, about, _) in CHECKS {
        text.push_str(&format!("  cargo xtask {name:<8} {about}\n"));
    }
    text.push_str("  cargo xtask verdicts prints the security standard's requirements with our verdicts\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_check_is_refused_with_the_list() {
        let error = run("archh", &mut Vec::new()).unwrap_err().to_string();
        assert!(
            error.contains("archh") && error.contains("cargo xtask sizes"),
            "{error}"
        );
    }

    #[test]
    fn the_rooms_of_this_house_keep_their_edges() {
        let mut out = Vec::new();
        let clean = run("arch", &mut out).unwrap();
        assert!(clean, "{}", String::from_utf8_lossy(&out));
    }
}
