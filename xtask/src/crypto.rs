//! The inventory of cryptography: what our crates link of it stands in a table with what it is used for, and nothing else
//! does. A new algorithm, or one that is gone, must be seen in a review.

use std::collections::BTreeMap;

use anyhow::Result;
use cargo_metadata::DependencyKind;

use crate::finding::Finding;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/security/keys.md";
const TABLE: &str = "## Inventory";

/// Libraries that cipher, hash, sign, draw chance or hold secrets. Those that nobody should use stand here too, so that they
/// cannot come in unseen.
const CRYPTOGRAPHIC: &[&str] = &[
    "aes",
    "aes-gcm",
    "argon2",
    "aws-lc-rs",
    "bcrypt",
    "blake2",
    "blake3",
    "blowfish",
    "boring",
    "chacha20",
    "chacha20poly1305",
    "cryptoki",
    "des",
    "dsa",
    "ecdsa",
    "ed25519-dalek",
    "getrandom",
    "hkdf",
    "hmac",
    "jsonwebtoken",
    "k256",
    "ldap3",
    "md-5",
    "md5",
    "native-tls",
    "openidconnect",
    "openssl",
    "p256",
    "p384",
    "pbkdf2",
    "rand",
    "rand_core",
    "rc4",
    "rcgen",
    "ring",
    "rsa",
    "rustls",
    "scrypt",
    "secrecy",
    "sha1",
    "sha1_smol",
    "sha2",
    "sha3",
    "subtle",
    "tokio-postgres-rustls",
    "tokio-rustls",
    "totp-rs",
    "webauthn-rs",
    "x25519-dalek",
    "zeroize",
];

/// Compares what is linked with the table.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut linked = BTreeMap::new();
    for package in workspace.packages() {
        let shipped = package
            .dependencies
            .iter()
            .filter(|one| one.kind != DependencyKind::Development);
        for library in shipped.filter(|one| CRYPTOGRAPHIC.contains(&one.name.as_str())) {
            linked.insert(library.name.clone(), package.name.to_string());
        }
    }
    Ok(compare(&linked, &workspace.read(DOCUMENT)?))
}

/// `linked` are libraries, each with one of our crates that links it.
fn compare(linked: &BTreeMap<String, String>, document: &str) -> Vec<Finding> {
    let listed: Vec<&str> = listed(document).collect();
    let unlisted = linked
        .iter()
        .filter(|(library, _)| !listed.contains(&library.as_str()));
    let mut findings: Vec<Finding> = unlisted
        .map(|(library, package)| {
            let remedy = format!("say in {DOCUMENT} which algorithms it is used for");
            Finding::new(package, format!("{library} is in no inventory"), remedy)
        })
        .collect();
    for library in listed.iter().filter(|library| !linked.contains_key(**library)) {
        let fault = format!("{library} is linked by none of our crates");
        findings.push(Finding::new(DOCUMENT, fault, "take it out of the inventory"));
    }
    findings
}

/// The names in backticks in the first column of the table.
fn listed(document: &str) -> impl Iterator<Item = &str> {
    let section = document.split_once(TABLE).map_or("", |(_, rest)| rest);
    let rows = section.lines().take_while(|line| !line.starts_with("## "));
    rows.filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split('`').step_by(2))
        .filter(|name| !name.is_empty() && !name.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_and_not_listed_is_found() {
        let document = "# Keys\n## Inventory\n| crate | for |\n| --- | --- |\n| `blake3` | hashes |\n\
                        | `rustls` with `aws-lc-rs` | TLS |\n## Other\n| `md5` | - |\n";
        let of = |names: &[&str]| {
            let linked = names
                .iter()
                .map(|name| ((*name).to_owned(), "identity".to_owned()))
                .collect();
            let findings = compare(&linked, document);
            findings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(&["aws-lc-rs", "blake3", "rustls"]), Vec::<String>::new());
        let more = of(&["aws-lc-rs", "blake3", "md5", "rustls"]);
        assert!(
            more.len() == 1 && more[0].contains("md5 is in no inventory"),
            "{more:?}"
        );
        let fewer = of(&["aws-lc-rs", "rustls"]);
        assert!(
            fewer.len() == 1 && fewer[0].contains("blake3 is linked by none"),
            "{fewer:?}"
        );
    }
}
