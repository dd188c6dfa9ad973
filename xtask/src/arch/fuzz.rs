//! The fuzz targets: a workspace that cargo's list of ours does not show, so its walls are read from its files.

use anyhow::Result;

use crate::finding::Finding;
use crate::workspace::Workspace;

const MANIFEST: &str = "fuzz/Cargo.toml";
const PAGE: &str = "docs/security/fuzzing.md";
/// What targets may use besides our own crates: the fuzzer, headers to put text into, folders to put files into.
const ALLOWED: &[&str] = &["libfuzzer-sys", "http", "tempfile"];

/// Every target is declared, is a feature of its own and is told of; and nothing heavy comes in by this door.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let targets: Vec<_> = workspace.files().filter_map(target).collect();
    Ok(findings(
        &targets,
        &workspace.read(MANIFEST)?,
        &workspace.read(PAGE)?,
    ))
}

fn target(file: &str) -> Option<&str> {
    file.strip_prefix("fuzz/targets/")?.strip_suffix(".rs")
}

fn findings(targets: &[&str], manifest: &str, page: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in targets {
        let declared = format!(
            "name = \"{target}\"\npath = \"targets/{target}.rs\"\nrequired-features = [\"{target}\"]\n"
        );
        if !manifest.contains(&declared) {
            let remedy = format!("declare it in {MANIFEST}, with a feature of its name");
            findings.push(Finding::new(*target, "a fuzz target that is not built", remedy));
        }
        if !page.contains(&format!("| `{target}` |")) {
            let remedy = format!("say in {PAGE} what it reads and what it asks");
            findings.push(Finding::new(*target, "a fuzz target nobody is told of", remedy));
        }
    }
    let dependencies = manifest
        .split("\n[")
        .find_map(|section| section.strip_prefix("dependencies]\n"));
    for line in dependencies.unwrap_or_default().lines() {
        let name = line.split(['=', ' ']).next().unwrap_or_default();
        let is_ours = name.starts_with("watchroom") && line.contains("path = \"../crates/");
        if !name.is_empty() && !name.starts_with('#') && !is_ours && !ALLOWED.contains(&name) {
            let remedy = "fuzz our own parsers through their crates; a library of others has its own fuzzers";
            findings.push(Finding::new(MANIFEST, format!("it uses {name}"), remedy));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[dependencies]\nhttp = \"1\"\nwatchroom-kit = { path = \"../crates/kit\" }\n\n[[bin]]\nname = \"a\"\npath = \"targets/a.rs\"\nrequired-features = [\"a\"]\n";

    #[test]
    fn a_target_is_built_and_told_of() {
        let manifest = format!("[package]\n\n{GOOD}");
        assert!(findings(&["a"], &manifest, "| `a` | x | y |").is_empty());
        assert_eq!(findings(&["a", "b"], &manifest, "| `a` | x | y |").len(), 2);
        assert_eq!(findings(&["a"], &manifest, "").len(), 1);
    }

    #[test]
    fn nothing_heavy_comes_in_by_this_door() {
        let manifest = format!("[package]\n\n{}", GOOD.replace("http = \"1\"", "sea-orm = \"2\""));
        assert_eq!(findings(&["a"], &manifest, "| `a` |").len(), 1);
    }
}
