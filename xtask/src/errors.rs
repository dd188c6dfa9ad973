//! Error names: each slug that a person can meet has its section in the troubleshooting guide, and the
//! guide names none that is gone. A vanished slug is a breaking change, so it must be seen in a review.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::finding::Finding;
use crate::rust_text::{code_only, is_test_file, item_length, without_tests};
use crate::workspace::Workspace;

const GUIDE: &str = "docs/troubleshooting.md";

/// Compares the slugs in the code with the headings of the guide.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut used = BTreeMap::new();
    for (name, text) in workspace.rust_files()? {
        if name.starts_with("crates/") && !is_test_file(name) {
            for slug in slugs(&text) {
                used.entry(slug).or_insert_with(|| name.to_owned());
            }
        }
    }
    Ok(compare(&used, &workspace.read(GUIDE)?))
}

fn compare(used: &BTreeMap<String, String>, guide: &str) -> Vec<Finding> {
    let told: Vec<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(str::trim)
        .collect();
    let untold = used.iter().filter(|(slug, _)| !told.contains(&slug.as_str()));
    let mut findings: Vec<Finding> = untold
        .map(|(slug, file)| {
            let remedy = format!("add `### {slug}` to {GUIDE}: what it means and what to do next");
            Finding::new(file, format!("the error {slug} has no section"), remedy)
        })
        .collect();
    for slug in told.iter().filter(|slug| !used.contains_key(**slug)) {
        let remedy = "if clients may rely on it, bring it back; otherwise remove the section and say so in the changelog";
        findings.push(Finding::new(GUIDE, format!("no error is called {slug}"), remedy));
    }
    findings
}

/// The slugs that a file gives out: literals in bodies of `fn slug` and of members called `slug`.
fn slugs(source: &str) -> Vec<String> {
    let code = without_tests(&code_only(source));
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn slug(") {
        let length = code.get(at..).map_or(0, item_length);
        // Blanking keeps every byte's place, so the literals are read from the source itself.
        found.extend(literals(source.get(at..at + length).unwrap_or_default()));
    }
    for (at, member) in code.match_indices("slug: ") {
        let rest = source.get(at + member.len()..).unwrap_or_default();
        if rest.starts_with('"') {
            found.extend(
                literals(rest.lines().next().unwrap_or_default())
                    .into_iter()
                    .take(1),
            );
        }
    }
    found
}

fn literals(text: &str) -> Vec<String> {
    let is_slug = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(is_slug)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
impl Fault for A {
    fn slug(&self) -> &'static str {
        match self { Self::B => "name-taken", Self::C(inner) => inner.slug(), Self::D => "gone" }
    }
    fn public(&self) -> String { "not-this".to_owned() }
}
const ROW: Refusal = Refusal { slug: "too-large", title: "Too large" };
#[cfg(test)]
mod tests { impl Fault for E { fn slug(&self) -> &'static str { "test-only" } } }
"#;

    #[test]
    fn slugs_are_read_where_they_are_given_out() {
        assert_eq!(slugs(SOURCE), ["name-taken", "gone", "too-large"]);
    }

    #[test]
    fn guide_and_code_must_agree() {
        let used = BTreeMap::from([("name-taken".to_owned(), "a.rs".to_owned())]);
        assert!(compare(&used, "# Errors\n### name-taken\nwhy").is_empty());
        let findings = compare(&used, "### name-gone\n");
        assert_eq!(findings.len(), 2);
        assert!(findings[1].to_string().contains("no error is called name-gone"));
    }
}
