//! What an administrator carries from one Host to the next, once: the secrets that replicas share and that lie in no
//! database.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use watchroom_kit::{FaultKind, files};
use watchroom_trust::ClusterSecret;

use crate::failure::Failure;

/// How the text begins.
const PREFIX: &str = "wr_replica_";
const NO_SECRET: &str = "this is not the secret of a Host";
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
        if ClusterSecret::next(state).map_err(Failure::trust)?.is_some() {
            let cause = "a change of the cluster's secret was interrupted on this machine";
            return Err(Failure::new(FaultKind::Conflict, cause)
                .next_step("start the Host here, which brings it to its end, and ask again"));
        }
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
            Failure::new(FaultKind::Invalid, NO_SECRET).next_step(
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

    /// Keeps them (0600) on a state folder that has none of its own yet, or the same. Where the cluster's secret alone is
    /// another one, it takes the place of the one there if `replaces` says so, as after a rotation of it.
    ///
    /// # Errors
    /// If it has others: a Host that has started is no replica to be.
    pub fn keep(&self, state: &Path, replaces: bool, now: OffsetDateTime) -> Result<(), Failure> {
        let keys = state.join("keys");
        files::private_folder(&keys).map_err(Failure::trust)?;
        let contents = FILES
            .into_iter()
            .zip([&self.cluster_secret, &self.audit_key, &self.panel_ca]);
        let mut missing = Vec::new();
        let mut another = Vec::new();
        for (name, content) in contents {
            let path = keys.join(name);
            match fs::read_to_string(&path) {
                Ok(there) if there == **content => {}
                Ok(_) => another.push(name),
                Err(_) => missing.push((path, content)),
            }
        }
        match another.as_slice() {
            [] => {}
            ["cluster.secret"] if replaces => {
                let secret = ClusterSecret::from_text(&self.cluster_secret);
                let secret = secret.ok_or_else(|| Failure::new(FaultKind::Invalid, NO_SECRET))?;
                secret.take_over(state, now).map_err(Failure::trust)?;
            }
            ["cluster.secret"] => {
                let cause = format!(
                    "{} is there already, and is another one",
                    keys.join(FILES[0]).display()
                );
                return Err(Failure::new(FaultKind::Conflict, cause)
                    .next_step("if the cluster was given another secret since, add --replace"));
            }
            [name, ..] => {
                let cause = format!(
                    "{} is there already, and is another one",
                    keys.join(name).display()
                );
                return Err(Failure::new(FaultKind::Conflict, cause)
                    .next_step("give the --state of a Host that has never started"));
            }
        }
        for (path, content) in &missing {
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
