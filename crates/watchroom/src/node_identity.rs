//! Who the node on this state folder is, kept in `<state>/node/identity.json`: the same for the Host's own
//! node and for one that joined from another machine.
//!
//! For the Host's own node the Host writes the file (it owns the CA) and the agent reads it: in one process
//! with `up`, in two with `host` and `node`. On a machine that joined, `watchroom join` writes it and the
//! agent keeps it fresh. The key itself lies apart, in `<state>/keys/node.key`, and never leaves the machine.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use watchroom_kit::{Ambient, ExposeSecret, FaultKind, SecretString, files};
use watchroom_model::{NodeId, NodeName};
use watchroom_trust::{CertificateDer, ClusterId, Issued, Leaf, LinkClient, NodeKey};

use crate::failure::Failure;

/// What the agent needs to find its Host and to prove who it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// Which node it is.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Where the Host's replicas take links (`127.0.0.1:7443`), each with an entry of its own.
    pub addresses: Vec<String>,
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// Whether its Host runs on this very state folder and writes this file; otherwise the agent does.
    pub is_local: bool,
    /// The cluster CAs that it trusts: one, and during a rotation two.
    pub authorities: Vec<Certificate>,
    /// The leaf, then the CA that signed it.
    pub chain: Vec<Certificate>,
    /// Until when the leaf is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// What it shows where it cannot show its certificate.
    pub token: Option<ClusterToken>,
}

/// A certificate in DER, written as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate(CertificateDer<'static>);

/// The node's cluster token and its end. The Host keeps only a hash of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterToken {
    /// The token itself (`wr_node_...`).
    #[serde(serialize_with = "expose")]
    pub token: SecretString,
    /// Until when it is taken.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl NodeIdentity {
    /// A node as the CA of `cluster` has just certified it; `issued` ends with the CA, which it trusts.
    #[must_use]
    pub fn new(
        node: NodeId,
        name: NodeName,
        cluster: ClusterId,
        addresses: Vec<String>,
        issued: Issued,
    ) -> Self {
        let chain: Vec<_> = issued.chain.into_iter().map(Certificate).collect();
        Self {
            node,
            name,
            addresses,
            cluster,
            is_local: false,
            authorities: chain.last().cloned().into_iter().collect(),
            chain,
            not_after: issued.not_after,
            token: None,
        }
    }

    /// The same node with another certificate.
    #[must_use]
    pub fn renewed(mut self, issued: Issued) -> Self {
        self.chain = issued.chain.into_iter().map(Certificate).collect();
        self.not_after = issued.not_after;
        self
    }

    /// Reads it; `None` if no node is enrolled on this folder. If the file is damaged the one before it is
    /// taken: its certificate may be older, who the node is has not changed.
    ///
    /// # Errors
    /// If it is there and neither it nor the one before it can be read.
    pub fn read(state: &Path) -> Result<Option<Self>, Failure> {
        let path = path(state);
        match read_one(&path) {
            Ok(identity) => Ok(Some(identity)),
            Err(error) => match read_one(&previous(state)) {
                Ok(identity) => {
                    tracing::warn!(%error, "{} cannot be used; the one before it is", path.display());
                    Ok(Some(identity))
                }
                Err(_) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(_) => Err(damaged(&path, &error)),
            },
        }
    }

    /// Keeps it, wholly or not at all, and the one before it beside it: a full disk must not lose an identity.
    ///
    /// # Errors
    /// What the system said; the old file is then untouched.
    pub fn write(&self, state: &Path) -> Result<(), Failure> {
        let path = path(state);
        let write = || {
            let content = serde_json::to_vec_pretty(self)?;
            if read_one(&path).is_ok() {
                files::replace(&previous(state), &fs::read(&path)?, files::PRIVATE_FILE)?;
            }
            files::replace(&path, &content, files::PRIVATE_FILE)
        };
        write().map_err(|error| unwritten(&path, &error))
    }

    /// The node's side of the link.
    ///
    /// # Errors
    /// If key and certificate do not belong together, or the key cannot be read.
    pub fn link_client(&self, state: &Path, ambient: &Ambient) -> Result<LinkClient, Failure> {
        let ca = self.authorities.last().ok_or_else(|| {
            let empty = io::Error::new(ErrorKind::InvalidData, "it trusts no CA");
            damaged(&path(state), &empty)
        })?;
        LinkClient::new(&ca.0, &self.leaf(state)?, &ambient.clock).map_err(Failure::trust)
    }

    /// The certificate joined to the key.
    ///
    /// # Errors
    /// If the key cannot be read.
    pub fn leaf(&self, state: &Path) -> Result<Leaf, Failure> {
        let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
        let chain = self.chain.iter().map(|one| one.0.clone()).collect();
        Ok(key.with(Issued {
            chain,
            not_after: self.not_after,
        }))
    }
}

impl Certificate {
    /// The certificate itself.
    #[must_use]
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.0
    }
}

impl From<CertificateDer<'static>> for Certificate {
    fn from(der: CertificateDer<'static>) -> Self {
        Self(der)
    }
}

impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let der = BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        Ok(Self(CertificateDer::from(der)))
    }
}

impl Failure {
    /// A key or certificate that cannot be used; its message names the next step.
    pub(crate) fn trust(error: impl std::fmt::Display) -> Self {
        Self::new(FaultKind::Internal, error.to_string())
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("node").join("identity.json")
}

fn previous(state: &Path) -> PathBuf {
    state.join("node").join("identity.previous.json")
}

fn read_one(path: &Path) -> io::Result<NodeIdentity> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn expose<S: Serializer>(token: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose_secret())
}

fn damaged(path: &Path, why: &io::Error) -> Failure {
    let cause = format!("the node's identity {} cannot be used: {why}", path.display());
    Failure::new(FaultKind::Internal, cause).next_step(
        "on the Host's own machine start the Host, which writes it anew; elsewhere join with a replace URL",
    )
}

fn unwritten(path: &Path, why: &io::Error) -> Failure {
    let cause = format!("the node's identity {} cannot be kept: {why}", path.display());
    Failure::new(FaultKind::Internal, cause)
        .next_step("make sure that the disk has space and that this user may write there")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir(room.path().join("node")).unwrap();
        room
    }

    fn identity(name: &str) -> NodeIdentity {
        NodeIdentity {
            node: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            name: name.parse().unwrap(),
            addresses: vec!["127.0.0.1:7443".to_owned()],
            cluster: "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap(),
            is_local: false,
            authorities: vec![CertificateDer::from(b"ca".to_vec()).into()],
            chain: vec![CertificateDer::from(b"leaf".to_vec()).into()],
            not_after: OffsetDateTime::UNIX_EPOCH,
            token: Some(ClusterToken {
                token: "wr_node_x".into(),
                expires_at: OffsetDateTime::UNIX_EPOCH,
            }),
        }
    }

    #[test]
    fn what_is_kept_is_read_back_and_the_token_shows_in_no_log() {
        let room = room();
        assert!(NodeIdentity::read(room.path()).unwrap().is_none());
        identity("one").write(room.path()).unwrap();
        let read = NodeIdentity::read(room.path()).unwrap().unwrap();
        assert_eq!(read.token.as_ref().unwrap().token.expose_secret(), "wr_node_x");
        assert_eq!(read.chain, identity("one").chain);
        assert!(!format!("{read:?}").contains("wr_node_x"));
    }

    #[test]
    fn a_damaged_identity_is_not_the_end_of_the_node() {
        let room = room();
        identity("one").write(room.path()).unwrap();
        identity("two").write(room.path()).unwrap();
        fs::write(path(room.path()), b"{").unwrap();
        let name = |state: &Path| NodeIdentity::read(state).unwrap().unwrap().name.to_string();
        assert_eq!(name(room.path()), "one");
        // What is damaged is not kept in place of what can be read.
        identity("three").write(room.path()).unwrap();
        fs::remove_file(path(room.path())).unwrap();
        assert_eq!(name(room.path()), "one");
        fs::write(path(room.path()), b"{").unwrap();
        fs::write(previous(room.path()), b"{").unwrap();
        assert!(NodeIdentity::read(room.path()).is_err());
    }
}
