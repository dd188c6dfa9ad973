//! What an administrator carries from one Host to the next, once: the secrets that replicas share and that lie in no
//! database.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use watchroom_kit::{FaultKind, files};
use watchroom_trust::ClusterSecret;

use crate::failure::Failure;

/// How the text begins.
const PREFIX: &str = "wr_replica_";
/// The files below `keys`, each with the member that holds its content.
const FILES: [&str; 3] = ["cluster.secret", "audit.key", "panel-ca.key"];

/// The secrets of a Host, as text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// What opens the keys of the cluster CAs in the database.
    cluster_secret: String,
    /// What signs the audit log.
    audit_key: String,
    /// The authority of the certificates that browsers see.
    panel_ca: String,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replica(..)")
    }
}

impl Replica {
    /// Those of the Host on this state folder.
    ///
    /// # Errors
    /// If it has never started.
    pub fn of(state: &Path) -> Result<Self, Failure> {
        let read = |name: &str| {
            let path = state.join("keys").join(name);
            fs::read_to_string(&path).map_err(|error| {
                let kind = if error.kind() == ErrorKind::NotFound {
                    FaultKind::NotFound
                } else {
                    FaultKind::Forbidden
                };
                let cause = format!("cannot read {}: {error}", path.display());
                Failure::new(kind, cause)
                    .next_step("run this on a Host that has started once, as root or as its own user")
            })
        };
        let [secret, audit, panel] = FILES;
        Ok(Self {
            cluster_secret: read(secret)?,
            audit_key: read(audit)?,
            panel_ca: read(panel)?,
        })
    }

    /// Reads them from the text that [`Replica::text`] gave.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let encoded = text.trim().strip_prefix(PREFIX).unwrap_or_default();
        let content = BASE64URL_NOPAD.decode(encoded.as_bytes()).unwrap_or_default();
        let known = serde_json::from_slice::<Self>(&content).ok();
        let known = known.filter(|read| ClusterSecret::from_text(&read.cluster_secret).is_some());
        known.ok_or_else(|| {
            Failure::new(FaultKind::Invalid, "this is not the secret of a Host").next_step(
                "make it on a Host of the cluster: watchroom cluster replica secret > replica.secret",
            )
        })
    }

    /// As one line (`wr_replica_...`), for a file that nobody else reads.
    ///
    /// # Errors
    /// Never in fact.
    pub fn text(&self) -> Result<String, Failure> {
        let content = serde_json::to_vec(self).map_err(Failure::trust)?;
        Ok(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&content)))
    }

    /// Keeps them (0600) on a state folder that has none of its own yet, or the same.
    ///
    /// # Errors
    /// If it has others: a Host that has started is no replica to be.
    pub fn keep(&self, state: &Path) -> Result<(), Failure> {
        let keys = state.join("keys");
        files::private_folder(&keys).map_err(Failure::trust)?;
        let contents = FILES
            .into_iter()
            .zip([&self.cluster_secret, &self.audit_key, &self.panel_ca]);
        let files: Vec<_> = contents
            .map(|(name, content)| (keys.join(name), content))
            .collect();
        for (path, content) in &files {
            if fs::read_to_string(path).is_ok_and(|there| there != **content) {
                let cause = format!("{} is there already, and is another one", path.display());
                return Err(Failure::new(FaultKind::Conflict, cause)
                    .next_step("give the --state of a Host that has never started"));
            }
        }
        for (path, content) in &files {
            files::replace(path, content.as_bytes(), files::PRIVATE_FILE).map_err(|error| {
                Failure::new(
                    FaultKind::Internal,
                    format!("cannot keep {}: {error}", path.display()),
                )
            })?;
        }
        Ok(())
    }
}
