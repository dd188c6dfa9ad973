//! The signed statement of who a machine is: what it says, how it is written, and whether it is believed.

use std::fmt;
use std::fmt::Write as _;

use data_encoding::BASE64;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_model::{MachineRole, NodeId};
use watchroom_trust::{ClusterId, NodeKey, is_signed_by};

use crate::failure::Failure;

/// Longest text that is looked at, in bytes: many times what is ever written.
const LONGEST: usize = 4_096;
/// Stands before what is signed, so that the signature can never be taken for one over something else.
const CONTEXT: &str = "watchroom role 1\n";
const PREFACE: &str = "\
# Who this machine is in its cluster, signed with the machine's key (keys/node.key). A Host keeps it in its database
# too, a node in its memory, and starts only if both say the same. What differs is settled with
# `watchroom role-file repair`, not with an editor.
";

/// Who a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it is in its cluster.
    pub role: MachineRole,
    /// Which cluster.
    pub cluster: ClusterId,
    /// Its node.
    pub node: NodeId,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of cluster {} as node {}",
            self.role, self.cluster, self.node
        )
    }
}

/// A statement whose signature was made, or verified, with the machine's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    identity: Identity,
    replaces: Option<String>,
    text: String,
}

/// Why a text is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbelieved {
    /// What it says, as far as it can be read.
    pub identity: Option<Identity>,
    /// What is wrong with it.
    pub why: String,
}

/// A statement as it is written. The signature is over all the rest of it, written anew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    role: MachineRole,
    cluster_id: ClusterId,
    node_id: NodeId,
    #[serde(with = "time::serde::rfc3339")]
    written_at: OffsetDateTime,
    replaces: Option<String>,
    signature: String,
}

impl Statement {
    /// Signs a statement, which takes the place of `before` if there was one.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn sign(
        identity: Identity,
        before: Option<&Self>,
        key: &NodeKey,
        now: OffsetDateTime,
    ) -> Result<Self, Failure> {
        let replaces = before.map(Self::digest);
        let body = body(&identity, now, replaces.as_deref());
        let signature = key.sign(signed(&body).as_bytes()).map_err(Failure::trust)?;
        let text = format!("{PREFACE}{body}signature = \"{}\"\n", BASE64.encode(&signature));
        Ok(Self {
            identity,
            replaces,
            text,
        })
    }

    /// Reads a statement and verifies that this machine signed it.
    ///
    /// # Errors
    /// [`Unbelieved`].
    pub fn read(text: &[u8], key: &NodeKey) -> Result<Self, Unbelieved> {
        let unread = |why: String| Unbelieved { identity: None, why };
        if text.len() > LONGEST {
            return Err(unread(format!("it is longer than {LONGEST} bytes")));
        }
        let text = std::str::from_utf8(text).map_err(|_| unread("it is no text".to_owned()))?;
        let written: Written = toml::from_str(text).map_err(|error| unread(error.message().to_owned()))?;
        let identity = Identity {
            role: written.role,
            cluster: written.cluster_id,
            node: written.node_id,
        };
        let body = body(&identity, written.written_at, written.replaces.as_deref());
        let signature = BASE64.decode(written.signature.as_bytes()).unwrap_or_default();
        if !is_signed_by(&key.public_key(), signed(&body).as_bytes(), &signature) {
            return Err(Unbelieved {
                identity: Some(identity),
                why: "its signature is not by this machine's key".to_owned(),
            });
        }
        Ok(Self {
            identity,
            replaces: written.replaces,
            text: text.to_owned(),
        })
    }

    /// Who the machine is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The text, to be kept.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it was written to take the place of that one.
    pub(super) fn is_after(&self, before: &Self) -> bool {
        self.replaces.as_ref() == Some(&before.digest())
    }

    fn digest(&self) -> String {
        blake3::hash(self.text.as_bytes()).to_hex().to_string()
    }
}

/// All but preface and signature.
fn body(identity: &Identity, at: OffsetDateTime, replaces: Option<&str>) -> String {
    // Seconds are enough for people, and are written in one way.
    let at = at
        .replace_nanosecond(0)
        .unwrap_or(at)
        .format(&Rfc3339)
        .unwrap_or_default();
    let mut body = format!(
        "role = \"{}\"\ncluster_id = \"{}\"\nnode_id = \"{}\"\nwritten_at = \"{at}\"\n",
        identity.role, identity.cluster, identity.node
    );
    if let Some(before) = replaces {
        // Writing to a String cannot fail.
        let _ = writeln!(body, "replaces = {before:?}");
    }
    body
}

fn signed(body: &str) -> String {
    format!("{CONTEXT}{body}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    struct Machine {
        _folder: tempfile::TempDir,
        key: NodeKey,
    }

    fn machine() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let key = NodeKey::open_or_make(folder.path()).unwrap();
        Machine { _folder: folder, key }
    }

    fn identity(role: MachineRole) -> Identity {
        Identity {
            role,
            cluster: "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap(),
            node: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        }
    }

    fn statement(machine: &Machine, before: Option<&Statement>) -> Statement {
        let now = datetime!(2026-01-01 12:00:00.25 +1);
        Statement::sign(identity(MachineRole::Both), before, &machine.key, now).unwrap()
    }

    #[test]
    fn what_is_signed_is_read_back_and_knows_what_it_replaced() {
        let machine = machine();
        let first = statement(&machine, None);
        let second = statement(&machine, Some(&first));
        assert_eq!(
            Statement::read(second.text().as_bytes(), &machine.key).unwrap(),
            second
        );
        assert!(second.is_after(&first) && !first.is_after(&second));
    }

    #[test]
    fn another_machines_statement_is_shown_and_not_believed() {
        let text = statement(&machine(), None);
        let refused = Statement::read(text.text().as_bytes(), &machine().key).unwrap_err();
        assert_eq!(refused.identity, Some(identity(MachineRole::Both)));
    }

    #[test]
    fn no_single_byte_of_it_can_be_changed_and_mean_something_else() {
        let machine = machine();
        let sound = statement(&machine, None);
        for place in 0..sound.text().len() {
            for change in [1, 2, 32] {
                let mut text = sound.text().as_bytes().to_vec();
                text[place] ^= change;
                if let Ok(read) = Statement::read(&text, &machine.key) {
                    assert_eq!(read.identity(), sound.identity(), "at {place}");
                }
            }
            let cut = &sound.text().as_bytes()[..place];
            if let Ok(read) = Statement::read(cut, &machine.key) {
                assert_eq!(read.identity(), sound.identity(), "cut at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_of_any_length_is_refused_with_a_reason(text in prop::collection::vec(any::<u8>(), 0..6_000)) {
            let refused = Statement::read(&text, &machine().key).unwrap_err();
            prop_assert!(!refused.why.is_empty());
        }

        #[test]
        fn the_right_words_with_any_values_are_refused_too(
            role in "host|node|both|[a-z]{0,6}", cluster in "[0-9a-f-]{0,40}", extra in "[ -~]{0,40}",
        ) {
            let text = format!(
                "role = \"{role}\"\ncluster_id = \"{cluster}\"\nnode_id = \"01890a5d-ac96-774b-bcce-b302099a8057\"\n\
                 written_at = \"2026-01-01T00:00:00Z\"\nsignature = {extra:?}\n"
            );
            prop_assert!(Statement::read(text.as_bytes(), &machine().key).is_err());
        }
    }
}
