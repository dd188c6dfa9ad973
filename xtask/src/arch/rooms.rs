//! The rooms: each crate of ours, why it stands alone, and whom it may know. The same table in words is
//! in `docs/ARCHITECTURE.md`.

/// One crate of ours.
pub(crate) struct Room {
    /// Its folder under `crates/`.
    pub(crate) name: &'static str,
    /// The crates it may import, tests included.
    pub(crate) may_import: &'static [&'static str],
    /// Why the wall is there.
    pub(crate) why: &'static str,
    /// No async, no I/O: it links none of [`IMPURE`].
    pub(crate) pure: bool,
}

const fn room(name: &'static str, may_import: &'static [&'static str], why: &'static str) -> Room {
    Room {
        name,
        may_import,
        why,
        pure: false,
    }
}

const fn pure(name: &'static str, may_import: &'static [&'static str], why: &'static str) -> Room {
    Room {
        name,
        may_import,
        why,
        pure: true,
    }
}

const DOMAIN: &[&str] = &[
    "kit",
    "model",
    "policy",
    "audit",
    "store",
    "mail",
    "testkit-folder",
];
const OUTSIDE: &[&str] = &[
    "kit", "model", "policy", "audit", "shield", "mail", "web", "identity", "fleet", "records", "defence",
    "alerts", "nets",
];
const ALL: &[&str] = &[
    "system",
    "kit",
    "model",
    "policy",
    "audit",
    "inspect",
    "shield",
    "trust",
    "store",
    "link",
    "mail",
    "identity",
    "oidc",
    "passkey",
    "fleet",
    "records",
    "defence",
    "alerts",
    "nets",
    "directory",
    "web",
    "api",
    "panel",
    "node",
    "watchroom",
    "testkit-directory",
    "testkit-folder",
    "testkit-postgres",
    "testkit-mail",
    "testkit-passkey",
    "testkit-way",
];

/// Every room of the house. A crate without a row is a finding.
pub(crate) const ROOMS: &[Room] = &[
    room(
        "system",
        &[],
        "unsafe code of ours is forbidden everywhere else, and is read here in a minute",
    ),
    room("kit", &["system"], "what std lacks knows nothing of the product"),
    pure(
        "model",
        &["kit"],
        "the shared nouns are values; a noun that does I/O cannot be shared with the node",
    ),
    pure(
        "policy",
        &["kit", "model"],
        "an outside auditor reads the one evaluator in an afternoon",
    ),
    pure(
        "audit",
        &["kit", "model", "policy"],
        "the verifier must run offline on an exported file",
    ),
    pure(
        "inspect",
        &["kit"],
        "what reads attacks is fuzzed alone and knows nobody",
    ),
    room(
        "shield",
        &["kit", "inspect"],
        "the edge is reviewed alone and must not fail with the database",
    ),
    room(
        "trust",
        &["kit"],
        "keys and certificates are handled in one small place, and the node needs them too",
    ),
    room(
        "testkit-directory",
        &[],
        "the tests of the directory's own room need a server too, and must not need the whole house for it",
    ),
    room(
        "directory",
        &["kit", "testkit-directory"],
        "what speaks with a directory knows nobody here: it is asked through a port of identity's",
    ),
    room(
        "testkit-folder",
        &[],
        "the tests of every room need a folder of their own, and nothing else of the house for it",
    ),
    room(
        "testkit-postgres",
        &[],
        "the store's own tests need a server too, and must not need the whole house for it",
    ),
    room(
        "testkit-mail",
        &["testkit-folder"],
        "mail is tested against a real server by its own tests and by those of the whole house",
    ),
    room(
        "testkit-passkey",
        &[],
        "an authenticator that shares no code with what reads it shows more than one that does",
    ),
    pure(
        "passkey",
        &["testkit-passkey"],
        "what reads the bytes of authenticators is reviewed and fuzzed alone, and knows no account",
    ),
    room(
        "testkit-way",
        &["kit"],
        "a bad network is the same for the link's own tests and for those of the whole house",
    ),
    room(
        "store",
        &[
            "kit",
            "model",
            "policy",
            "audit",
            "testkit-folder",
            "testkit-postgres",
        ],
        "the memory knows permits and entries, no domain's rules",
    ),
    room(
        "link",
        &["kit", "model", "trust", "testkit-folder", "testkit-way"],
        "both ends speak nouns; neither end's services are reachable from the wire",
    ),
    room(
        "mail",
        &[
            "kit",
            "model",
            "policy",
            "store",
            "testkit-folder",
            "testkit-mail",
        ],
        "letters are written and carried below the domains that they tell of, and know no person",
    ),
    room(
        "identity",
        &[
            "kit",
            "model",
            "policy",
            "audit",
            "store",
            "mail",
            "passkey",
            "testkit-folder",
            "testkit-passkey",
        ],
        "the domains are siblings; what one needs of another is a port, wired in watchroom",
    ),
    room(
        "oidc",
        &["kit", "testkit-folder"],
        "what speaks with other people's providers is reviewed and attacked alone, and knows no account",
    ),
    room(
        "fleet",
        DOMAIN,
        "the domains are siblings; what one needs of another is a port, wired in watchroom",
    ),
    room(
        "alerts",
        DOMAIN,
        "the domains are siblings; what one needs of another is a port, wired in watchroom",
    ),
    room(
        "nets",
        DOMAIN,
        "the domains are siblings; what one needs of another is a port, wired in watchroom",
    ),
    room(
        "defence",
        DOMAIN,
        "who is kept out, and why, is remembered here; the edge that keeps them out must not fail with the database",
    ),
    room(
        "records",
        DOMAIN,
        "who may read the log is asked before the log is; the pure chain stays in audit",
    ),
    room(
        "web",
        &["kit", "model", "policy", "shield", "identity"],
        "what API and panel share is about callers and answers, not about any domain",
    ),
    room(
        "api",
        OUTSIDE,
        "every read passes a service that filters by principal, every write spends a permit",
    ),
    room(
        "panel",
        OUTSIDE,
        "pages use the services, not the API, and never the store",
    ),
    room(
        "node",
        &[
            "kit",
            "model",
            "policy",
            "audit",
            "inspect",
            "shield",
            "trust",
            "link",
            "testkit-folder",
        ],
        "the privileged program stays small: no database, no panel; its own page stands behind the same edge",
    ),
    room(
        "watchroom",
        ALL,
        "the root is the one place that knows two parts at once",
    ),
    room("testkit", ALL, "a room for tests is the whole house"),
];

/// Libraries that do I/O or need an executor, which a pure room links neither itself nor for its tests.
pub(crate) const IMPURE: &[&str] = &[
    "async-trait",
    "axum",
    "futures-util",
    "hyper",
    "hyper-util",
    "reqwest",
    "rusqlite",
    "rustix",
    "sea-orm",
    "sqlx",
    "tokio",
    "tokio-rustls",
    "tokio-stream",
    "tokio-util",
    "tonic",
    "tower",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_root_and_the_tests_knows_everything() {
        for room in ROOMS {
            let knows_two_ends = room.may_import.contains(&"node") && room.may_import.contains(&"store");
            assert_eq!(
                knows_two_ends,
                ["watchroom", "testkit"].contains(&room.name),
                "{}",
                room.name
            );
        }
    }

    #[test]
    fn the_table_has_no_circle() {
        // Rows stand in the order of building: a room knows only rooms above it.
        for (at, room) in ROOMS.iter().enumerate() {
            for imported in room.may_import {
                let other = ROOMS.iter().position(|one| one.name == *imported);
                let earlier = other.is_some_and(|other| other < at);
                assert!(earlier || *imported == room.name, "{} -> {imported}", room.name);
            }
        }
    }
}
