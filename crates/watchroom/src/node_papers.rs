//! The papers of the node on this state folder: its key, and its identity as it is renewed over the link.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use watchroom_kit::Ambient;
use watchroom_link::{FreshPapers, Papers};
use watchroom_trust::{Issued, LinkClient, NodeKey};

use crate::failure::Failure;
use crate::node_identity::{ClusterToken, NodeIdentity};

/// A node's key and what it proves with it.
pub(crate) struct NodePapers {
    state: PathBuf,
    key: NodeKey,
    client: LinkClient,
    /// Held while papers are kept: several Hosts may hand some over at once, and each set is written into what the one
    /// before has left.
    keeping: tokio::sync::Mutex<()>,
}

impl NodePapers {
    /// Of the node whose identity this is.
    ///
    /// # Errors
    /// If key and certificate do not belong together, or the key cannot be read.
    pub(crate) fn open(state: &Path, identity: &NodeIdentity, ambient: &Ambient) -> Result<Self, Failure> {
        let client = identity.link_client(state, ambient)?;
        let anchors: Vec<_> = identity.authorities.iter().map(|ca| ca.der().clone()).collect();
        client.trust(&anchors).map_err(Failure::trust)?;
        Ok(Self {
            state: state.to_owned(),
            key: NodeKey::open_or_make(state).map_err(Failure::trust)?,
            client,
            keeping: tokio::sync::Mutex::default(),
        })
    }
}

#[async_trait]
impl Papers for NodePapers {
    fn client(&self) -> LinkClient {
        self.client.clone()
    }

    fn request(&self) -> Result<Vec<u8>, String> {
        self.key.request().map_err(|error| error.to_string())
    }

    async fn keep(&self, fresh: FreshPapers) -> Result<(), String> {
        let _turn = self.keeping.lock().await;
        // Tried out first: what could not be used is not kept.
        let trial = self.client.apart();
        adopt(&trial, &self.key, &fresh)?;
        let (state, kept) = (self.state.clone(), fresh.clone());
        let written = spawn_blocking(move || write(&state, kept)).await;
        written.map_err(|_| "the node is stopping".to_owned())??;
        adopt(&self.client, &self.key, &fresh)
    }
}

/// Uses papers from the next dial on.
fn adopt(client: &LinkClient, key: &NodeKey, fresh: &FreshPapers) -> Result<(), String> {
    if !fresh.anchors.is_empty() {
        client.trust(&fresh.anchors).map_err(|error| error.to_string())?;
    }
    if let Some(leaf) = &fresh.leaf {
        let leaf = key.with(Issued::clone(leaf));
        client.renew(&leaf).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Writes papers into the identity as it is on disk: on the Host's own machine the Host may have changed the
/// rest of it meanwhile.
fn write(state: &Path, fresh: FreshPapers) -> Result<(), String> {
    let text = |failure: Failure| failure.render(false);
    let identity = NodeIdentity::read(state).map_err(text)?;
    let mut identity = identity.ok_or_else(|| "there is no identity any more".to_owned())?;
    if !fresh.anchors.is_empty() {
        identity.authorities = fresh.anchors.into_iter().map(Into::into).collect();
    }
    if let Some(leaf) = fresh.leaf {
        identity = identity.renewed(leaf);
    }
    if let Some((token, expires_at)) = fresh.token {
        identity.token = Some(ClusterToken { token, expires_at });
    }
    identity.write(state).map_err(text)
}
