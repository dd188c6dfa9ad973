//! Words that no tracked file may hold: paths of one developer's machine, hosts of package registries,
//! lints switched off without a reason, and work left undone.

use anyhow::Result;

use crate::finding::Finding;
use crate::rust_text::{code_only, lines_with};
use crate::workspace::Workspace;

/// Paths that exist on one machine only. Written in two halves, as this file is tracked too.
const MACHINE: &[(&str, &str)] = &[
    ("/wo", "rk/main"),
    ("/wo", "rk/shared"),
    ("/ro", "ot/.cargo"),
    ("/ro", "ot/.rustup"),
    ("/Us", "ers/"),
    ("/.car", "go/registry"),
];

/// Hosts of package registries: where packages come from is the business of who builds.
const REGISTRIES: &[(&str, &str)] = &[
    ("registry.npm", "js.org"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
    ("registry.yarn", "pkg.com"),
    ("files.python", "hosted.org"),
    ("proxy.go", "lang.org"),
];

/// What a merge leaves behind where it could not decide. Written in two halves, as this file is tracked too.
const UNDECIDED: &[(&str, &str)] = &[("<<<<", "<<< "), (">>>>", ">>> ")];

/// Macros and attributes that mean "not yet".
const UNDONE: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];

pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in workspace.files() {
        let text = workspace.read(name)?;
        if is_lock_file(name) {
            findings.extend(private_mirrors(name, &text));
            continue;
        }
        findings.extend(machine_words(name, &text));
        if name.ends_with(".rs") {
            findings.extend(undone(name, &text));
            findings.extend(silenced(name, &text));
        }
    }
    Ok(findings)
}

fn is_lock_file(name: &str) -> bool {
    name.ends_with("Cargo.lock") || name.ends_with("package-lock.json")
}

/// A lock file may say the public registry or nothing, but not where one machine fetched a package.
fn private_mirrors(name: &str, text: &str) -> Vec<Finding> {
    let fetched =
        |line: &&str| line.trim_start().starts_with("\"resolved\"") || line.starts_with("source = ");
    let public = |line: &str| {
        line.contains("registry+https://github.com/rust-lang/")
            || line.contains(&["registry.npm", "js.org/"].concat())
    };
    let remedy = "write the lock file with `npm config set omit-lockfile-registry-resolved true`, or from the public index";
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| fetched(line) && !public(line));
    lines
        .map(|(_, line)| Finding::new(format!("{name}:{line}"), "a package from a private place", remedy))
        .collect()
}

fn machine_words(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let place = || format!("{name}:{number}");
        let has = |(one, two): &&(&str, &str)| line.contains(&[*one, *two].concat());
        if MACHINE.iter().any(|word| has(&word)) {
            findings.push(Finding::new(
                place(),
                "a path of one machine",
                "make it relative or a parameter",
            ));
        }
        if UNDECIDED
            .iter()
            .any(|(one, two)| line.starts_with(&[*one, *two].concat()))
        {
            findings.push(Finding::new(
                place(),
                "a merge that was not decided",
                "keep what is right of both sides",
            ));
        }
        if REGISTRIES.iter().any(|word| has(&word)) {
            findings.push(Finding::new(
                place(),
                "the host of a package registry",
                "leave it to the tool's settings",
            ));
        }
    }
    findings
}

fn undone(name: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let remedy = "finish it, or leave it out and say so in the documents";
    let found = UNDONE
        .iter()
        .flat_map(|word| lines_with(&code, word).into_iter().map(move |line| (word, line)));
    found
        .map(|(word, line)| Finding::new(format!("{name}:{line}"), format!("{word} left in"), remedy))
        .collect()
}

/// `allow` hides for ever; `expect` with its reason complains when it is not needed any more.
fn silenced(name: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let line_of = |at: usize| code.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("[allow(") {
        let remedy = "use #[expect(..., reason = \"...\")]";
        findings.push(Finding::new(
            format!("{name}:{}", line_of(at)),
            "a lint allowed",
            remedy,
        ));
    }
    for (at, _) in code.match_indices("[expect(") {
        let attribute = code
            .get(at..)
            .and_then(|rest| rest.split(")]").next())
            .unwrap_or_default();
        if !attribute.contains("reason") {
            let remedy = "say why with reason = \"...\"";
            findings.push(Finding::new(
                format!("{name}:{}", line_of(at)),
                "a lint expected without a reason",
                remedy,
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found() {
        let line = ["see /wo", "rk/main/target"].concat();
        assert_eq!(machine_words("README.md", &line).len(), 1);
        let other = ["/var/lib/watchroom, /wo", "rk/is/mine"].concat();
        assert!(machine_words("README.md", &other).is_empty());
    }

    #[test]
    fn a_merge_that_was_not_decided_is_found() {
        let left = ["<<<<", "<<< HEAD\none\n=======\ntwo\n>>>>", ">>> other\n"].concat();
        assert_eq!(machine_words("a.md", &left).len(), 2);
        assert!(machine_words("a.md", "a title\n=======\n").is_empty());
    }

    #[test]
    fn a_mirror_in_a_lock_file_is_found() {
        assert_eq!(
            private_mirrors(
                "a/package-lock.json",
                "  \"resolved\": \"https://mirror.example/a.tgz\""
            )
            .len(),
            1
        );
        let public = "source = \"registry+https://github.com/rust-lang/index\"";
        assert!(private_mirrors("Cargo.lock", public).is_empty());
    }

    #[test]
    fn work_left_undone_is_found_in_code_only() {
        let source = ["// todo", "!() later\nfn a() { todo", "!() }\n"].concat();
        assert_eq!(undone("a.rs", &source).len(), 1);
        assert_eq!(undone("a.rs", &["#[ign", "ore = \"slow\"]\n"].concat()).len(), 1);
    }

    #[test]
    fn a_lint_is_silenced_with_a_reason_only() {
        let allowed = ["#![al", "low(dead_code)]"].concat();
        assert_eq!(silenced("a.rs", &allowed).len(), 1);
        assert_eq!(
            silenced("a.rs", &["#[exp", "ect(\n dead_code\n)]"].concat()).len(),
            1
        );
        assert!(silenced("a.rs", &["#[exp", "ect(dead_code, reason = \"x\")]"].concat()).is_empty());
    }
}
