//! The node agent: the supervisor of this machine's servers, linked to its Host.

use std::path::Path;
use std::sync::Arc;

use watchroom_kit::{Ambient, FaultKind};
use watchroom_link::{Dialler, DiallerSettings, LinkSettings};
use watchroom_node::{Rules, Settings, Supervisor};

use crate::failure::Failure;
use crate::node_identity::NodeIdentity;
use crate::node_papers::NodePapers;
use crate::state::State;

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    /// The supervisor.
    pub supervisor: Arc<Supervisor>,
}

impl Agent {
    /// Finds the servers that run, and dials the Host.
    ///
    /// # Errors
    /// If this folder holds no enrolled node, or the agent's memory cannot be read.
    pub async fn start(
        state: &State,
        program: &Path,
        rules: Rules,
        ambient: &Ambient,
    ) -> Result<Self, Failure> {
        let sockets = state.sockets()?;
        let state = state.folder();
        let identity = NodeIdentity::read(state)?.ok_or_else(not_enrolled)?;
        let papers = Arc::new(NodePapers::open(state, &identity, ambient)?);
        let settings = Settings {
            name: identity.name.clone(),
            state: state.join("node"),
            servers: state.join("servers"),
            runtime: sockets.join("shims"),
            program: program.to_owned(),
            port: 0,
            rules,
        };
        let supervisor = Supervisor::open(settings, ambient.clone())
            .await
            .map_err(|error| Failure::new(FaultKind::Internal, error.to_string()))?;
        let dialler = Dialler::new(
            DiallerSettings {
                node: identity.node,
                addresses: identity.addresses.clone(),
                papers,
                name: identity.name,
                capabilities: Vec::new(),
                epoch_file: state.join("node").join("epoch"),
                link: LinkSettings::default(),
            },
            ambient.clone(),
        );
        ambient
            .tasks
            .spawn("link-to-host", dialler.run(supervisor.clone()));
        Ok(Self { supervisor })
    }

    /// Lets go of the servers; they run on. Says how many do.
    pub async fn close(self) -> usize {
        let running = self.supervisor.running();
        self.supervisor.close().await;
        running
    }
}

fn not_enrolled() -> Failure {
    Failure::new(FaultKind::Conflict, "no node is enrolled on this state folder").next_step(
        "join a Host with `watchroom join -`, or start `watchroom up` or `watchroom host` on this folder first",
    )
}
