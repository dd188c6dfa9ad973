//! `watchroom role-file`: who this machine is, where its two copies of that differ. Works on the state folder
//! itself, while nothing runs on it.

use clap::{Args, Subcommand};
use serde_json::json;
use watchroom_kit::FaultKind;
#[cfg(feature = "node")]
use watchroom_policy::{Act, act as acts};

use super::context::Context;
use super::own;
use crate::failure::Failure;
use crate::node_identity::NodeIdentity;
use crate::output::Column;
use crate::role_file::{Found, Repaired, Side};
use crate::state::State;

/// Settle who this machine is, where role.toml and the database differ
#[derive(Debug, Subcommand)]
pub(super) enum RoleFile {
    /// Make both copies say what one of them says
    #[command(
        after_help = "Example:\n  watchroom role-file repair --from database\n  watchroom --state /srv/watchroom role-file repair --from file"
    )]
    Repair(Repair),
}

#[derive(Debug, Args)]
pub(super) struct Repair {
    /// Which copy is right
    #[arg(long, value_name = "COPY")]
    from: Side,
}

const CARD: &[Column] = &[
    Column::new("ROLE.TOML SAID", "file_said"),
    Column::new("THE DATABASE SAID", "database_said"),
    Column::new("BOTH SAY NOW", "both_say_now"),
];

impl RoleFile {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let Self::Repair(Repair { from }) = self;
        let folder = context.state()?;
        if !folder.join("keys").is_dir() {
            let cause = format!("{} is no state folder: it holds no keys", folder.display());
            return Err(Failure::new(FaultKind::NotFound, cause).next_step("give the right --state DIR"));
        }
        let joined = NodeIdentity::read(&folder)?.filter(|papers| !papers.is_local);
        let repaired = match joined {
            Some(papers) => of_node(&context, &papers, from)?,
            None => of_host(&context, from).await?,
        };
        let answer = json!({
            "file_said": repaired.file.to_string(),
            "database_said": repaired.memory.to_string(),
            "both_say_now": repaired.now.to_string(),
            "role": repaired.now.role,
            "cluster_id": repaired.now.cluster,
            "node_id": repaired.now.node,
        });
        context.output.thing(&answer, CARD)
    }
}

#[cfg(feature = "host")]
async fn of_host(context: &Context, from: Side) -> Result<Repaired, Failure> {
    use watchroom_fleet::MachineMemory;
    use watchroom_policy::act;

    use crate::role_file::{is_of, unwritten};

    let state = State::open(&context.state()?, "host")?;
    let config = context.sources(Vec::new()).load()?.config;
    let ambient = &context.ambient;
    let store = crate::host::open_store(&state, &config, ambient).await?;
    let memory = MachineMemory::of(&store);
    let kept = memory.read().await.map_err(unwritten)?;
    let found = Found::read(state.folder(), kept.as_deref())?;
    let chosen = found.choose(from, ambient)?;
    let module = config.keys.module(state.folder())?;
    let ca = crate::host::cluster::open(state.folder(), &store, module.as_ref(), ambient).await?;
    is_of(chosen.statement(), ca.cluster_id())?;
    if chosen.was_unsigned {
        confirm(context, &chosen.statement().identity().to_string())?;
    }
    let permit = own::permit(ambient, act::RepairRole)?;
    let (text, what) = (
        chosen.statement().text().to_owned(),
        Repaired::account(&found, &chosen, from),
    );
    memory.repair(&permit, text, &what).await.map_err(unwritten)?;
    let repaired = found.finish(&chosen);
    store.close().await;
    repaired
}

#[cfg(not(feature = "host"))]
#[expect(clippy::unused_async, reason = "a build with a Host awaits its database here")]
async fn of_host(_: &Context, _: Side) -> Result<Repaired, Failure> {
    let cause = "this state folder belongs to a Host, and this build holds none";
    Err(Failure::new(FaultKind::Invalid, cause).next_step("use a build with the feature `host`"))
}

#[cfg(feature = "node")]
fn of_node(context: &Context, papers: &NodeIdentity, from: Side) -> Result<Repaired, Failure> {
    let state = State::open(&context.state()?, "node")?;
    let mut memory = crate::role_file::remembered(state.folder(), papers, &context.ambient)?;
    let found = Found::read(state.folder(), memory.read())?;
    let chosen = found.choose(from, &context.ambient)?;
    if chosen.was_unsigned {
        confirm(context, &chosen.statement().identity().to_string())?;
    }
    let text = chosen.statement().text().to_owned();
    let what = Repaired::account(&found, &chosen, from);
    memory.keep(
        text,
        &format!("local:{}", own::who()),
        acts::RepairRole::SPEC.name,
        &what,
    )?;
    found.finish(&chosen)
}

#[cfg(not(feature = "node"))]
fn of_node(_: &Context, _: &NodeIdentity, _: Side) -> Result<Repaired, Failure> {
    let cause = "this state folder belongs to a node, and this build holds no agent";
    Err(Failure::new(FaultKind::Invalid, cause).next_step("use a build with the feature `node`"))
}

/// What nobody has signed is believed only if a person says so.
fn confirm(context: &Context, identity: &str) -> Result<(), Failure> {
    let what = format!("The copy to repair from bears no signature of this machine. It says: {identity}.");
    context.confirm(&what, "yes")
}
