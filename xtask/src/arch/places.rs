//! Places: globals of the process are read or made where the table says, and nowhere else.

use anyhow::Result;

use crate::finding::Finding;
use crate::rust_text::{code_only, is_test_file, lines_with, without_tests};
use crate::workspace::Workspace;

/// A path in code, the prefixes of files where it may stand, and why there.
struct Place {
    path: &'static str,
    allowed: &'static [&'static str],
    why: &'static str,
}

const PLACES: &[Place] = &[
    Place {
        path: "std::env",
        // The test aids are whole programs with arguments of their own.
        allowed: &[
            "crates/watchroom/",
            "crates/node/probe/",
            "crates/testkit/src/bin/",
            "crates/testkit-postgres/",
            "xtask/",
        ],
        why: "the environment is read in the binary alone, and shown by `config show --origin`",
    },
    Place {
        path: "std::process",
        allowed: &[
            "crates/node/",
            "crates/testkit-directory/",
            "crates/testkit-mail/",
            "crates/testkit-postgres/",
            "xtask/",
        ],
        why: "processes are started by the node alone; the tests' servers are some",
    },
    Place {
        path: "tokio::process",
        allowed: &["crates/node/"],
        why: "processes are started by the node alone",
    },
    Place {
        path: "tokio::spawn",
        allowed: &["crates/kit/src/tasks.rs"],
        why: "tasks are named, tracked and cancelled by kit::Tasks",
    },
    Place {
        path: "tokio::task::spawn",
        allowed: &["crates/kit/src/tasks.rs"],
        why: "tasks are named, tracked and cancelled by kit::Tasks",
    },
];

/// What the binary's `main` needs of `std::process`, which starts nothing.
const ENDINGS: &[&str] = &["std::process::ExitCode", "std::process::exit", "std::process::id"];

/// Types whose value in a `static` can change while the program runs.
const INNER_STATE: &[&str] = &[
    "Mutex", "RwLock", "OnceLock", "OnceCell", "RefCell", "Cell", "Atomic", "ArcSwap", "DashMap", "Lazy<",
];

/// Names under which things without a home gather.
const HOMELESS: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, text) in workspace.rust_files()? {
        findings.extend(homeless(name));
        if !is_test_file(name) && !is_build_script(name) {
            let code = without_tests(&code_only(&text));
            findings.extend(out_of_place(name, &code));
            findings.extend(statics(name, &code));
        }
    }
    Ok(findings)
}

/// A build script runs in cargo, which speaks to it through the environment.
fn is_build_script(name: &str) -> bool {
    name.ends_with("/build.rs") || name.contains("/build/")
}

fn homeless(name: &str) -> Option<Finding> {
    let parts = name.split('/').map(|part| part.trim_end_matches(".rs"));
    let found = parts.into_iter().find(|part| HOMELESS.contains(part))?;
    let remedy = "name it after what it holds, or put each item where it is used";
    Some(Finding::new(name, format!("a module called {found}"), remedy))
}

fn out_of_place(name: &str, code: &str) -> Vec<Finding> {
    let code = ENDINGS
        .iter()
        .fold(code.to_owned(), |code, ending| code.replace(ending, ""));
    let mut findings = Vec::new();
    for Place { path, allowed, why } in PLACES {
        if allowed.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        for line in lines_with(&code, path) {
            findings.push(Finding::new(
                format!("{name}:{line}"),
                format!("{path} is out of place"),
                *why,
            ));
        }
    }
    findings
}

fn statics(name: &str, code: &str) -> Vec<Finding> {
    let stateful = |declared: &str| INNER_STATE.iter().any(|kind| declared.contains(kind));
    let is_static = |line: &str| {
        let item = line.trim_start();
        let item = item
            .strip_prefix("pub(crate) ")
            .or_else(|| item.strip_prefix("pub "))
            .unwrap_or(item);
        item.starts_with("static ")
    };
    let declared = |line: &str| line.split('=').next().is_some_and(stateful);
    let found = code
        .lines()
        .zip(1..)
        .filter(|(line, _)| is_static(line) && declared(line));
    let remedy = "give it an owner and pass it in: two rooms in one test process must not share it";
    found
        .map(|(_, line)| Finding::new(format!("{name}:{line}"), "a static with inner state", remedy))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_may_not_read_the_environment() {
        let code = code_only("/// std::env is fine here\nlet a = std::env::temp_dir();\n");
        let findings = out_of_place("crates/store/src/store.rs", &code);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].to_string().starts_with("crates/store/src/store.rs:2"),
            "{}",
            findings[0]
        );
        assert!(out_of_place("crates/watchroom/src/main.rs", &code).is_empty());
    }

    #[test]
    fn ending_a_process_is_not_starting_one() {
        let name = "crates/watchroom/src/main.rs";
        assert!(out_of_place(name, "use std::process::ExitCode;").is_empty());
        assert_eq!(
            out_of_place(name, "use std::process::{Command, ExitCode};").len(),
            1
        );
    }

    #[test]
    fn a_static_may_be_a_table_but_not_a_memory() {
        assert!(
            statics(
                "a.rs",
                "static NAMES: &[&str] = &[];\nfn a(b: &'static Mutex<u8>) {}"
            )
            .is_empty()
        );
        assert_eq!(
            statics("a.rs", "  pub static SEEN: Mutex<u64> = Mutex::new(0);").len(),
            1
        );
    }

    #[test]
    fn drawers_for_odds_and_ends_are_refused() {
        assert!(homeless("crates/api/src/utils/mod.rs").is_some());
        assert!(homeless("crates/api/src/helpers.rs").is_some());
        assert!(homeless("crates/api/src/servers/common_names.rs").is_none());
    }
}
