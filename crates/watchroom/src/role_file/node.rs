//! Who the machine of a node that joined is: settled when its agent starts, stated anew when it joins.

use std::path::Path;

use watchroom_kit::{Ambient, FaultKind};
use watchroom_model::MachineRole;
use watchroom_node::MachineMemory;
use watchroom_policy::{Act, act};
use watchroom_trust::NodeKey;

use super::verdict::stopped;
use super::{Copy, Identity, RoleFile, Statement, Verdict};
use crate::failure::Failure;
use crate::node_identity::NodeIdentity;

/// What messages call the copy that is not the file.
pub(super) const MEMORY: &str = "the node's memory";

/// Compares the two copies and restores one that is missing; the node's own audit tells of it. If there is
/// neither, the machine is what its papers say. For the Host's own node the Host has done so.
///
/// # Errors
/// If the copies disagree with each other or with the papers; the failure shows what each says.
pub(crate) fn settle_node(state: &Path, papers: &NodeIdentity, ambient: &Ambient) -> Result<(), Failure> {
    if papers.is_local {
        return Ok(());
    }
    let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
    let file = RoleFile::of(state);
    let mut memory = remembered(state, papers, ambient)?;
    let on_disk = file.read(&key)?;
    let in_memory = Copy::of(memory.read().map(str::as_bytes), &key);
    let (statement, what) = match Verdict::of(on_disk.clone(), in_memory) {
        Verdict::Agreed(statement) => (statement, None),
        Verdict::RestoreFile(statement) => (statement, Some("restored role.toml from the node's memory")),
        Verdict::RestoreMemory(statement) => (
            statement,
            Some("restored who this machine is in the node's memory from role.toml"),
        ),
        Verdict::Unknown => match file.read_previous(&key)? {
            Copy::Sound(statement) => (
                statement,
                Some("restored who this machine is from role.toml.previous"),
            ),
            Copy::Missing | Copy::Unbelieved(_) => {
                let statement = Statement::sign(stated_by(papers), None, &key, ambient.now())?;
                (
                    statement,
                    Some("wrote down who this machine is: restored from what is there"),
                )
            }
        },
        Verdict::Disagree { file, memory } => return Err(stopped(&file, &memory, MEMORY)),
    };
    if *statement.identity() != stated_by(papers) {
        let cause = format!(
            "this machine is {}, but its papers (node/identity.json) are for {}",
            statement.identity(),
            stated_by(papers)
        );
        return Err(Failure::new(FaultKind::Conflict, cause).next_step(
            "run `watchroom join` again if that was interrupted; otherwise put back the state folder as a whole",
        ));
    }
    if let Some(what) = what {
        memory.keep(
            statement.text().to_owned(),
            "system",
            act::KeepHouse::SPEC.name,
            what,
        )?;
        tracing::info!("{what}");
    }
    if on_disk != Copy::Sound(statement.clone()) {
        file.write(&statement)?;
    }
    Ok(())
}

/// Writes down who the machine is from now on, before it takes up these papers.
///
/// # Errors
/// If it cannot be kept.
pub(crate) fn state_anew(state: &Path, papers: &NodeIdentity, ambient: &Ambient) -> Result<(), Failure> {
    let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
    let file = RoleFile::of(state);
    let before = match file.read(&key)? {
        Copy::Sound(before) => Some(before),
        Copy::Missing | Copy::Unbelieved(_) => None,
    };
    let statement = Statement::sign(stated_by(papers), before.as_ref(), &key, ambient.now())?;
    let text = statement.text().to_owned();
    let what = format!("joined: this machine is {}", statement.identity());
    remembered(state, papers, ambient)?.keep(text, "system", act::KeepHouse::SPEC.name, &what)?;
    file.write(&statement)
}

/// The memory of the agent with these papers.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn remembered(
    state: &Path,
    papers: &NodeIdentity,
    ambient: &Ambient,
) -> Result<MachineMemory, Failure> {
    Ok(MachineMemory::open(&state.join("node"), &papers.name, ambient)?)
}

fn stated_by(papers: &NodeIdentity) -> Identity {
    Identity {
        role: MachineRole::Node,
        cluster: papers.cluster,
        node: papers.node,
    }
}
