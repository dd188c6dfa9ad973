//! Libraries that must not be linked: a second TLS or cryptography stack beside rustls with aws-lc-rs, and in
//! the slim node neither the database layer nor the panel.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::finding::Finding;
use crate::workspace::Workspace;

/// What cargo's tree must not hold, with why.
const UNWANTED: &[(&str, &str)] = &[
    (
        "ring",
        "rustls has one provider, aws-lc-rs; two providers make the choice depend on who asks first",
    ),
    (
        "openssl-sys",
        "a system library whose version we cannot pin; TLS is rustls alone",
    ),
    (
        "native-tls",
        "its behaviour differs per system; TLS is rustls alone",
    ),
];

/// What the slim node must not link: it has a memory of its own, and writes its one page without templates. The shield
/// stands before that page too (decision 0011).
const NOT_IN_THE_NODE: &[&str] = &[
    "askama",
    "libsqlite3-sys",
    "rusqlite",
    "sea-orm",
    "watchroom-api",
    "watchroom-identity",
    "watchroom-panel",
    "watchroom-store",
    "watchroom-web",
];

/// Both questions.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = unwanted(workspace)?;
    findings.extend(slim_node(workspace)?);
    Ok(findings)
}

/// Asks `cargo tree` what `--no-default-features --features node` links.
fn slim_node(workspace: &Workspace) -> Result<Vec<Finding>> {
    let arguments =
        "tree --package watchroom --no-default-features --features node --edges normal --prefix none";
    let asked = Command::new(env!("CARGO"))
        .args(arguments.split(' '))
        .current_dir(&workspace.root)
        .output()
        .context("running cargo tree")?;
    if !asked.status.success() {
        bail!(
            "cargo {arguments} failed: {}",
            String::from_utf8_lossy(&asked.stderr).trim()
        );
    }
    let linked = String::from_utf8_lossy(&asked.stdout).into_owned();
    let found = NOT_IN_THE_NODE.iter().filter(|library| links(&linked, library));
    let finding = |library: &&str| {
        let remedy =
            "the node stays small and links neither the database layer nor the panel: make it optional";
        Finding::new("the slim node", format!("links {library}"), remedy)
    };
    Ok(found.map(finding).collect())
}

/// Whether a flat tree names the library.
fn links(tree: &str, library: &str) -> bool {
    tree.lines().any(|line| line.split(' ').next() == Some(library))
}

/// Asks `cargo tree` who needs each of them, with every feature on and tests included.
fn unwanted(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (library, why) in UNWANTED {
        let asked = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--workspace",
                "--all-features",
                "--edges",
                "all",
                "--invert",
                library,
            ])
            .current_dir(&workspace.root)
            .output()
            .context("running cargo tree")?;
        let heard = String::from_utf8_lossy(&asked.stderr);
        if let Some(path) = who_needs(&String::from_utf8_lossy(&asked.stdout)) {
            findings.push(Finding::new(
                format!("cargo tree -i {library}"),
                format!("needed by {path}"),
                *why,
            ));
        } else if !asked.status.success() && !is_absent(&heard) {
            bail!("cargo tree -i {library} failed: {}", heard.trim());
        }
    }
    Ok(findings)
}

/// Cargo's words for a library that is not in the lock file at all.
fn is_absent(heard: &str) -> bool {
    heard.contains("did not match any packages")
}

/// The first line of needs of an inverted tree, from the library outwards; `None` for an empty tree.
fn who_needs(tree: &str) -> Option<String> {
    let names: Vec<&str> = tree
        .lines()
        .map(|line| line.trim_start_matches(|c: char| !c.is_alphanumeric()))
        .filter_map(|line| line.split_whitespace().next())
        .take(4)
        .collect();
    (!names.is_empty()).then(|| names.join(" <- "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_in_is_named() {
        let tree = "ring v0.17.14\n└── rustls v0.23.0\n    └── watchroom-link v0.1.0 (crates/link)\n";
        assert_eq!(who_needs(tree).unwrap(), "ring <- rustls <- watchroom-link");
        assert_eq!(who_needs(""), None);
    }

    #[test]
    fn a_library_that_nobody_has_ever_locked_is_absent() {
        assert!(is_absent(
            "error: package ID specification `native-tls` did not match any packages"
        ));
        assert!(!is_absent("error: no matching package found"));
    }

    #[test]
    fn a_library_is_linked_by_its_whole_name() {
        let tree = "watchroom v0.1.0 (/src/crates/watchroom)\naskama_parser v0.16.0\nrusqlite v0.41.0 (*)\n";
        assert!(links(tree, "rusqlite"));
        assert!(!links(tree, "askama"));
    }
}
