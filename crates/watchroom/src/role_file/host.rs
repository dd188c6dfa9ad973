//! Who the Host's machine is: settled at its start, and kept while it runs.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use watchroom_fleet::MachineMemory;
use watchroom_kit::{Ambient, FaultKind};
use watchroom_model::{MachineRole, NodeId};
use watchroom_store::{Store, StoreError};
use watchroom_trust::{ClusterId, NodeKey};

use super::verdict::stopped;
use super::{Copy, Identity, RoleFile, Statement, Verdict};
use crate::failure::Failure;
use crate::node_identity::NodeIdentity;

/// What messages call the copy that is not the file.
pub(super) const DATABASE: &str = "the database";

/// Who this machine is, with both copies of it.
#[derive(Debug)]
pub(crate) struct HostRole {
    file: RoleFile,
    memory: MachineMemory,
    key: NodeKey,
    ambient: Ambient,
    current: ArcSwap<Statement>,
    /// One change at a time.
    turning: Mutex<()>,
}

impl HostRole {
    /// Compares the two copies and restores one that is missing. If there is neither, the machine is what its
    /// keys and its node's papers say.
    ///
    /// # Errors
    /// If they disagree with each other or with the cluster's CA; the failure shows what each says.
    pub(crate) async fn settle(
        state: &Path,
        store: &Store,
        cluster: ClusterId,
        ambient: &Ambient,
    ) -> Result<Self, Failure> {
        let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
        let (file, memory) = (RoleFile::of(state), MachineMemory::of(store));
        let kept = memory.read().await.map_err(unwritten)?;
        let on_disk = file.read(&key)?;
        let in_database = Copy::of(kept.as_deref().map(str::as_bytes), &key);
        let (statement, what) = match Verdict::of(on_disk.clone(), in_database) {
            Verdict::Agreed(statement) => (statement, None),
            Verdict::RestoreFile(statement) => (statement, Some("restored role.toml from the database")),
            Verdict::RestoreMemory(statement) => (
                statement,
                Some("restored who this machine is in the database from role.toml"),
            ),
            Verdict::Unknown => match file.read_previous(&key)? {
                Copy::Sound(statement) => (
                    statement,
                    Some("restored who this machine is from role.toml.previous"),
                ),
                Copy::Missing | Copy::Unbelieved(_) => {
                    let identity = from_what_is_there(state, cluster, ambient)?;
                    let statement = Statement::sign(identity, None, &key, ambient.now())?;
                    (
                        statement,
                        Some("wrote down who this machine is: restored from what is there"),
                    )
                }
            },
            Verdict::Disagree { file, memory } => return Err(stopped(&file, &memory, DATABASE)),
        };
        is_of(&statement, cluster)?;
        if let Some(what) = what {
            let text = statement.text().to_owned();
            memory.keep_house(text, what, ambient).await.map_err(unwritten)?;
            tracing::info!("{what}");
        }
        if on_disk != Copy::Sound(statement.clone()) {
            file.write(&statement)?;
        }
        Ok(Self {
            file,
            memory,
            key,
            ambient: ambient.clone(),
            current: ArcSwap::from_pointee(statement),
            turning: Mutex::default(),
        })
    }

    /// Who this machine is.
    pub(crate) fn identity(&self) -> Identity {
        *self.current.load().identity()
    }

    /// Writes down that a node of its own runs here too.
    ///
    /// # Errors
    /// If it cannot be kept; the machine is then what it was.
    pub(crate) async fn has_node(&self) -> Result<(), Failure> {
        let _turn = self.turning.lock().await;
        let before = self.current.load_full();
        if before.identity().role == MachineRole::Both {
            return Ok(());
        }
        let identity = Identity {
            role: MachineRole::Both,
            ..*before.identity()
        };
        let statement = Statement::sign(identity, Some(&before), &self.key, self.ambient.now())?;
        let what = "this machine is a node of its own too from now on";
        let text = statement.text().to_owned();
        let kept = self.memory.keep_house(text, what, &self.ambient).await;
        kept.map_err(unwritten)?;
        self.file.write(&statement)?;
        self.current.store(Arc::new(statement));
        Ok(())
    }
}

/// The node on this folder, or one that is yet to be.
fn from_what_is_there(state: &Path, cluster: ClusterId, ambient: &Ambient) -> Result<Identity, Failure> {
    let known = NodeIdentity::read(state)?;
    Ok(Identity {
        role: MachineRole::Host,
        cluster,
        node: known.map_or_else(|| NodeId::mint(ambient), |known| known.node),
    })
}

/// Refuses a statement of another cluster than the CA's.
pub(crate) fn is_of(statement: &Statement, cluster: ClusterId) -> Result<(), Failure> {
    let identity = statement.identity();
    if identity.cluster == cluster && identity.role != MachineRole::Node {
        return Ok(());
    }
    let cause =
        format!("this machine is {identity}, but the cluster CA that it has is that of cluster {cluster}");
    Err(Failure::new(FaultKind::Conflict, cause).next_step(
        "put the state folder and the database of one cluster together, or start with a new --state",
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(crate) fn unwritten(error: StoreError) -> Failure {
    Failure::new(
        FaultKind::Internal,
        format!("what the database knows of this machine cannot be read or kept: {error}"),
    )
}
