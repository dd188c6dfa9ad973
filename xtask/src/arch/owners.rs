//! Owners: heavy libraries that only the named crates may link, so that one place answers for each.

use cargo_metadata::{DependencyKind, Package};

use super::edges::room_name;
use crate::finding::Finding;
use crate::workspace::Workspace;

/// Libraries, the crates that may use them, and why nobody else.
const OWNERS: &[(&[&str], &[&str], &str)] = &[
    (
        &["rusqlite"],
        &["store", "testkit"],
        "one place opens the database; the testkit breaks it on purpose",
    ),
    (
        &["tokio-postgres", "tokio-postgres-rustls"],
        &["store"],
        "one place opens the database",
    ),
    (
        &["sea-orm"],
        &["store", "mail", "identity", "fleet", "defence", "alerts", "nets"],
        "entities live with their domain, nowhere else",
    ),
    (
        &["argon2"],
        &["identity"],
        "passwords are checked behind one permit pool",
    ),
    (&["ldap3"], &["directory"], "one place speaks with directories"),
    (
        &["webauthn-rs"],
        &["identity"],
        "ways to sign in live with sign-in",
    ),
    (
        &["totp-rs"],
        &["identity", "testkit"],
        "codes are checked where people sign in; the testkit carries an authenticator",
    ),
    (&["qrcode"], &["panel"], "pictures are made where pages are"),
    (&["zxcvbn"], &["identity"], "one place judges a password"),
    (
        &["rcgen", "x509-parser"],
        &["trust", "testkit-directory", "testkit-mail", "testkit-postgres"],
        "one place makes and reads certificates",
    ),
    (
        &["cryptoki"],
        &["trust"],
        "one place speaks with security modules",
    ),
    (
        &["aws-lc-rs"],
        &["trust", "oidc", "identity", "passkey", "testkit-passkey"],
        "one place seals keys, two check what strangers sign, one signs access tokens; TLS reaches it through rustls",
    ),
    (
        &["rustls", "tokio-rustls"],
        &[
            "trust",
            "store",
            "shield",
            "link",
            "oidc",
            "directory",
            "watchroom",
            "testkit",
        ],
        "TLS ends at the edge; the ways to the database, to providers and to directories have their own",
    ),
    (
        &["ed25519-dalek"],
        &["audit", "trust"],
        "one place signs entries, one signs certificates",
    ),
    (
        &["tonic", "tonic-prost", "prost"],
        &["link"],
        "the wire format is the link's own; both ends see a plain trait",
    ),
    (
        &["axum"],
        &["shield", "web", "api", "panel", "watchroom", "testkit"],
        "domains know no HTTP; the node has no web framework",
    ),
    (
        &["tokio-tungstenite"],
        &["web", "testkit"],
        "one place speaks WebSocket, with a bound for everything that comes",
    ),
    (
        &["hyper-util"],
        &["shield", "link", "node", "oidc", "watchroom", "testkit"],
        "accept loops have deadlines; few places may have one",
    ),
    (
        &["askama", "rust-embed"],
        &["panel"],
        "pages are made in one place",
    ),
    (
        &["utoipa"],
        &[
            "model", "mail", "identity", "fleet", "records", "defence", "alerts", "nets", "web", "api",
        ],
        "what the API document shows is described where it is declared: nouns, views, routes",
    ),
    (
        &["clap", "clap_complete", "comfy-table", "ratatui", "toml_edit"],
        &["watchroom"],
        "one command line, one configuration tree",
    ),
    (
        &["tracing-subscriber"],
        &["watchroom"],
        "libraries write events; the binary decides where they go",
    ),
    (
        &["rustix"],
        &["kit", "node", "testkit", "testkit-postgres", "watchroom"],
        "system calls are made where files, processes and the terminal are owned",
    ),
    (&["libc"], &["system"], "unsafe code is in one place"),
    (&["sysinfo"], &["node"], "facts of the machine come from the node"),
    (
        &["rustic_core", "rustic_backend", "notify", "pty-process"],
        &["node"],
        "the node alone touches the machine",
    ),
    (&["lettre"], &["mail"], "one place sends mail"),
    (
        &["redis"],
        &["shield", "watchroom"],
        "shared counters belong to the edge",
    ),
    (
        &["reqwest"],
        &["watchroom"],
        "one HTTP client, one set of deadlines and allowed addresses",
    ),
    (
        &["regex", "regex-lite", "fancy-regex", "onig", "pcre2"],
        &[],
        "input is read by tokens, in a time that grows with its length",
    ),
    (
        &["insta", "proptest", "trybuild", "tempfile"],
        &["testkit", "testkit-directory", "testkit-folder"],
        "tools of tests are not shipped",
    ),
];

pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace
        .packages()
        .filter(|package| package.name.as_str() != "xtask")
        .flat_map(of_package)
        .collect()
}

fn of_package(package: &Package) -> Vec<Finding> {
    let room = room_name(&package.name).unwrap_or(&package.name);
    // What only tests use is not shipped: it may break a wall to prove that the wall stands.
    let shipped = package
        .dependencies
        .iter()
        .filter(|one| one.kind != DependencyKind::Development);
    shipped
        .filter_map(|dependency| judge(room, &dependency.name))
        .collect()
}

fn judge(room: &str, library: &str) -> Option<Finding> {
    let (_, owners, why) = OWNERS
        .iter()
        .find(|(libraries, ..)| libraries.contains(&library))?;
    if owners.contains(&room) {
        return None;
    }
    let fault = match owners {
        [] => format!("{library} is used nowhere here"),
        owners => format!("{library} belongs to {}", owners.join(", ")),
    };
    Some(Finding::new(
        format!("crates/{room}/Cargo.toml"),
        fault,
        format!("ask the owner for what you need: {why}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_not_open_the_database() {
        let finding = judge("panel", "rusqlite").unwrap().to_string();
        assert!(
            finding.contains("crates/panel/Cargo.toml") && finding.contains("belongs to store"),
            "{finding}"
        );
        assert_eq!(judge("store", "rusqlite"), None);
        assert_eq!(judge("panel", "serde"), None);
    }

    #[test]
    fn no_part_of_ours_reads_by_regular_expressions() {
        for room in ["inspect", "shield", "web", "watchroom"] {
            let finding = judge(room, "regex").unwrap().to_string();
            assert!(finding.contains("regex is used nowhere here"), "{finding}");
        }
    }

    #[test]
    fn each_library_stands_in_one_row() {
        let mut all: Vec<&str> = OWNERS
            .iter()
            .flat_map(|(libraries, ..)| libraries.iter().copied())
            .collect();
        let rows = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), rows);
    }
}
