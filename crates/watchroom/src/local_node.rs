//! The node on the Host's own machine: who it is, kept in `<state>/node/identity.json`.
//!
//! The Host writes the file (it owns the CA), the agent reads it: in one process with `up`, in two with
//! `host` and `node`. The key itself is made and read by the agent's side of the folder alone.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use watchroom_kit::{Ambient, FaultKind, files};
use watchroom_model::{NodeId, NodeName};
use watchroom_trust::{CertificateDer, Issued, LinkClient, NodeKey};

use crate::failure::Failure;

/// What the agent needs to find its Host and to prove who it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalIdentity {
    /// Which node it is.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Where the Host takes links (`127.0.0.1:7443`).
    pub addresses: Vec<String>,
    /// The leaf, then the CA, in DER.
    chain: Vec<Vec<u8>>,
    /// Until when the leaf is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
}

impl LocalIdentity {
    fn path(state: &Path) -> PathBuf {
        state.join("node").join("identity.json")
    }

    /// Reads it; `None` if no Host has enrolled a node on this folder.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read(state: &Path) -> Result<Option<Self>, Failure> {
        let path = Self::path(state);
        match fs::read(&path) {
            Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(damaged(&path, &other.to_string())),
            Ok(content) => serde_json::from_slice(&content)
                .map(Some)
                .map_err(|error| damaged(&path, &error.to_string())),
        }
    }

    /// Keeps it, wholly or not at all: a full disk must not lose an identity.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(&self, state: &Path) -> Result<(), Failure> {
        let path = Self::path(state);
        let content = serde_json::to_vec_pretty(self).map_err(|error| damaged(&path, &error.to_string()))?;
        files::replace(&path, &content, files::PRIVATE_FILE)
            .map_err(|error| damaged(&path, &error.to_string()))
    }

    /// With another certificate, as the CA has just issued it.
    #[must_use]
    pub fn new(node: NodeId, name: NodeName, addresses: Vec<String>, issued: &Issued) -> Self {
        let chain = issued
            .chain
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect();
        Self {
            node,
            name,
            addresses,
            chain,
            not_after: issued.not_after,
        }
    }

    /// The node's side of the link.
    ///
    /// # Errors
    /// If key and certificate do not belong together, or the key cannot be read.
    pub fn link_client(&self, state: &Path, ambient: &Ambient) -> Result<LinkClient, Failure> {
        let ca = self
            .chain
            .last()
            .ok_or_else(|| damaged(&Self::path(state), "the certificate chain is empty"))?;
        LinkClient::new(
            &CertificateDer::from(ca.clone()),
            &self.leaf(state)?,
            &ambient.clock,
        )
        .map_err(Failure::trust)
    }

    /// The certificate joined to the key.
    ///
    /// # Errors
    /// If the key cannot be read.
    pub fn leaf(&self, state: &Path) -> Result<watchroom_trust::Leaf, Failure> {
        let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
        let chain = self.chain.iter().cloned().map(CertificateDer::from).collect();
        Ok(key.with(Issued {
            chain,
            not_after: self.not_after,
        }))
    }
}

impl Failure {
    /// A key or certificate that cannot be used; its message names the next step.
    pub(crate) fn trust(error: impl std::fmt::Display) -> Self {
        Self::new(FaultKind::Internal, error.to_string())
    }
}

fn damaged(path: &Path, why: &str) -> Failure {
    let cause = format!("the node's identity {} cannot be used: {why}", path.display());
    Failure::new(FaultKind::Internal, cause)
        .next_step("start the Host on this state folder: it writes the file anew")
}
