//! The node agent: the supervisor of this machine's servers, linked to its Host.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use watchroom_kit::{Ambient, FaultKind};
use watchroom_link::{Dialler, DiallerSettings, LinkSettings};
use watchroom_model::{HEARS_BANS, HostName};
use watchroom_node::{Allowed, DashboardParts, Portrait, Settings, Supervisor, serve_dashboard};
use watchroom_trust::{Fingerprint, NodeKey};

use crate::bind::bind;
use crate::config::NodeSection;
use crate::endpoints::Endpoints;
use crate::failure::Failure;
use crate::node_identity::NodeIdentity;
use crate::node_papers::NodePapers;
use crate::role_file;
use crate::state::State;

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    /// The supervisor.
    pub supervisor: Arc<Supervisor>,
    /// Where its own page is, if it has one.
    pub dashboard: Option<SocketAddr>,
    proxied_as: Option<HostName>,
}

/// Where the node's own page is to be.
#[derive(Debug)]
pub struct Page {
    /// Listens on loopback.
    pub listener: TcpListener,
    /// The name under which a proxy of this machine shows it to others.
    pub proxied_as: Option<HostName>,
}

impl Agent {
    /// Finds the servers that run, dials the Host, and serves the node's own page.
    ///
    /// # Errors
    /// If this folder holds no enrolled node, or the agent's memory cannot be read.
    pub async fn start(
        state: &State,
        program: &Path,
        allowed: Allowed,
        page: Option<Page>,
        ambient: &Ambient,
    ) -> Result<Self, Failure> {
        let unserved = |error: std::io::Error| {
            let cause = format!("cannot serve the node's own page: {error}");
            Failure::new(FaultKind::Internal, cause).next_step("choose a loopback address with --node-listen")
        };
        let dashboard = page.as_ref().map(|page| page.listener.local_addr()).transpose();
        let dashboard = dashboard.map_err(unserved)?;
        let sockets = state.sockets()?;
        let state = state.folder();
        let identity = NodeIdentity::read(state)?.ok_or_else(not_enrolled)?;
        role_file::settle_node(state, &identity, ambient)?;
        let papers = Arc::new(NodePapers::open(state, &identity, ambient)?);
        let settings = Settings {
            name: identity.name.clone(),
            state: state.join("node"),
            servers: state.join("servers"),
            runtime: sockets.join("shims"),
            program: program.to_owned(),
            port: dashboard.map_or(0, |address| address.port()),
            rules: allowed.rules,
            power: allowed.power,
            fail2ban: allowed.fail2ban,
        };
        let supervisor = Supervisor::open(settings, ambient.clone())
            .await
            .map_err(|error| Failure::new(FaultKind::Internal, error.to_string()))?;
        let portrait = portrait(&identity, state)?;
        let dialler = Dialler::new(
            DiallerSettings {
                node: identity.node,
                addresses: identity.addresses.clone(),
                papers,
                name: identity.name,
                capabilities: vec![HEARS_BANS.to_owned()],
                epoch_file: state.join("node").join("epoch"),
                link: LinkSettings::default(),
            },
            ambient.clone(),
        );
        let proxied_as = page.as_ref().and_then(|page| page.proxied_as.clone());
        if let Some(Page { listener, proxied_as }) = page {
            let parts = DashboardParts {
                portrait,
                supervisor: supervisor.clone(),
                links: dialler.states(),
                proxied_as,
                run: Endpoints::folder(state),
                ambient: ambient.clone(),
            };
            serve_dashboard(listener, parts).map_err(unserved)?;
        }
        ambient
            .tasks
            .spawn("link-to-host", dialler.run(supervisor.clone()));
        Ok(Self {
            supervisor,
            dashboard,
            proxied_as,
        })
    }

    /// What the file of endpoints says of it.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        let shown = |address: SocketAddr| match &self.proxied_as {
            Some(name) => format!("https://{name}"),
            None => format!("http://{address}"),
        };
        Endpoints {
            node: self.dashboard.map(shown),
            ..Endpoints::default()
        }
    }

    /// Lets go of the servers; they run on. Says how many do.
    pub async fn close(self) -> usize {
        let running = self.supervisor.running();
        self.supervisor.close().await;
        running
    }
}

/// Takes the port of the node's own page. A port that somebody chose and that cannot be had stops the start; if only
/// the usual one is taken, as by another Watchroom on this machine, the node does its work without a page.
///
/// # Errors
/// The failure names the flag to change.
pub async fn bind_page(section: &NodeSection) -> Result<Option<Page>, Failure> {
    match bind(section.listen, "--node-listen").await {
        Ok(listener) => Ok(Some(Page {
            listener,
            proxied_as: section.proxied_as.clone(),
        })),
        Err(error) if section.listen == NodeSection::default().listen => {
            tracing::warn!("the node has no page of its own: {}", error.render(false).trim());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn portrait(identity: &NodeIdentity, state: &Path) -> Result<Portrait, Failure> {
    let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
    let authorities = identity.authorities.iter();
    Ok(Portrait {
        name: identity.name.to_string(),
        node: identity.node.to_string(),
        cluster: identity.cluster.to_string(),
        key: Fingerprint::of(&key.public_key()),
        authorities: authorities.map(|ca| Fingerprint::of(ca.der())).collect(),
    })
}

fn not_enrolled() -> Failure {
    Failure::new(FaultKind::Conflict, "no node is enrolled on this state folder").next_step(
        "join a Host with `watchroom join -`, or start `watchroom up` or `watchroom host` on this folder first",
    )
}
