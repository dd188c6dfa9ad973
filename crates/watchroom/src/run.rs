//! The long-running commands: what `up`, `host` and `node` start once options and configuration are read.

use std::io;
#[cfg(all(feature = "host", feature = "node"))]
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(all(feature = "host", feature = "node"))]
use watchroom_kit::ExposeSecret;
use watchroom_kit::{Ambient, FaultKind};

#[cfg(feature = "node")]
use crate::agent::{Agent, bind_page};
#[cfg(all(feature = "host", feature = "node"))]
use crate::config::{Config, NodeSection};
use crate::config::{Loaded, Sources};
#[cfg(all(feature = "host", feature = "node"))]
use crate::demo;
use crate::descriptors;
use crate::endpoints::Endpoints;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::memory;
use crate::state::State;

/// How long everything may take to end after a stop. All of it, with the last writes, is to be over in five
/// seconds, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the start waits for the link of this machine's own node, and how often it looks.
#[cfg(all(feature = "host", feature = "node"))]
const LINK_PATIENCE: Duration = Duration::from_secs(5);
#[cfg(all(feature = "host", feature = "node"))]
const LINK_LOOKED_FOR_EVERY: Duration = Duration::from_millis(5);

/// All that a long-running command needs to know, with flags, environment and files already merged.
#[derive(Debug)]
pub struct RunOptions {
    /// The state folder (`--state`), not yet made or checked.
    pub state: PathBuf,
    /// The configuration, and where each value came from.
    pub loaded: Loaded,
    /// Where it came from, to read it anew on a reload.
    pub sources: Sources,
    /// The environment the process was started with.
    pub environment: Environment,
    /// Print nothing but errors.
    pub is_quiet: bool,
}

/// Runs a Host and a node on this machine until told to stop.
///
/// # Errors
/// If a part cannot start; the failure names the next step.
#[cfg(all(feature = "host", feature = "node"))]
pub async fn up(options: RunOptions) -> Result<(), Failure> {
    descriptors::raise();
    let mut stop = Stop::listen()?;
    let ambient = Ambient::system();
    memory::give_back_at_rest(&ambient);
    let state = State::open(&options.state, "host")?;
    let node_state = State::open(&options.state, "node")?;
    let config = &options.loaded.config;
    // All at once: a list that is written anew with half of what a killed program left behind in it looks like ours.
    Endpoints::withdraw(state.folder()).map_err(unlisted)?;
    let page = bind_page(&config.node).await?;
    let mut running = host::start(&state, config, &ambient).await?;
    let agent = Agent::start(&node_state, &program()?, options.allowed(), page, &ambient).await?;
    running.expect_local_node().await;
    running.has_node(&agent);
    running
        .announce(&state, &options, agent.supervisor.running())
        .await?;
    if let Some(step) = options
        .allowed()
        .rules
        .missing_step()
        .filter(|_| !options.is_quiet)
    {
        say(&step)?;
    }
    stop.asked().await;
    let withdrawn = Endpoints::withdraw_node(state.folder());
    let still_running = agent.close().await;
    running.stop(state.folder()).await?;
    withdrawn.map_err(unlisted)?;
    match still_running {
        _ if options.is_quiet => {}
        0 => say("Stopped.")?,
        1 => say("Stopped. 1 server goes on running; the next start finds it.")?,
        many => say(&format!(
            "Stopped. {many} servers go on running; the next start finds them."
        ))?,
    }
    Ok(())
}

/// Runs a demonstration in a throw-away folder until told to stop, then ends all of it.
///
/// # Errors
/// As for `up`.
#[cfg(all(feature = "host", feature = "node"))]
pub async fn demo(config: &Config, folder: demo::Folder) -> Result<(), Failure> {
    descriptors::raise();
    let mut stop = Stop::listen()?;
    let ambient = Ambient::system();
    memory::give_back_at_rest(&ambient);
    let state = State::open(&folder.host(), "host")?;
    let node_state = State::open(&folder.host(), "node")?;
    let page = NodeSection {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        ..NodeSection::default()
    };
    let page = bind_page(&page).await?;
    // Whoever only looks, for an hour, need not take out their telephone.
    let mut config = config.clone();
    config.identity.second_factors.required_roles = Vec::new();
    let mut running = host::start(&state, &config, &ambient).await?;
    let agent = Agent::start(&node_state, &program()?, demo::allowed(), page, &ambient).await?;
    running.expect_local_node().await;
    running.has_node(&agent);
    running.open(&state)?;
    let scene = demo::Scene::set(&folder, &program()?).await?;
    say(&format!(
        "Something to look at:  {}\nSign in as  {}  with  {}\n\
         A second machine has joined, and servers run on both. Your browser does not know the certificate: go on.\n\
         For commands:  watchroom --state {} node list\n\
         Ctrl-C ends all of it and removes its folder.",
        running.panel(),
        demo::ACCOUNT,
        scene.password.expose_secret(),
        state.folder().display()
    ))?;
    stop.asked().await;
    scene.strike(|| agent.supervisor.running()).await;
    agent.close().await;
    running.stop(state.folder()).await?;
    say("Ended.")
}

/// Runs the Host alone until told to stop.
///
/// # Errors
/// As for `up`.
#[cfg(feature = "host")]
pub async fn host(options: RunOptions) -> Result<(), Failure> {
    descriptors::raise();
    let mut stop = Stop::listen()?;
    let ambient = Ambient::system();
    memory::give_back_at_rest(&ambient);
    let state = State::open(&options.state, "host")?;
    let running = host::start(&state, &options.loaded.config, &ambient).await?;
    running.announce(&state, &options, 0).await?;
    stop.asked().await;
    running.stop(state.folder()).await
}

/// Runs the node agent alone until told to stop.
///
/// # Errors
/// As for `up`.
#[cfg(feature = "node")]
pub async fn node(options: RunOptions) -> Result<(), Failure> {
    descriptors::raise();
    let mut stop = Stop::listen()?;
    let ambient = Ambient::system();
    memory::give_back_at_rest(&ambient);
    let state = State::open(&options.state, "node")?;
    Endpoints::withdraw_node(state.folder()).map_err(unlisted)?;
    let page = bind_page(&options.loaded.config.node).await?;
    let agent = Agent::start(&state, &program()?, options.allowed(), page, &ambient).await?;
    agent.endpoints().publish(state.folder()).map_err(unlisted)?;
    if !options.is_quiet {
        say(&format!(
            "The node agent is up. {} servers run from before.",
            agent.supervisor.running()
        ))?;
    }
    stop.asked().await;
    let withdrawn = Endpoints::withdraw_node(state.folder());
    agent.close().await;
    end(&ambient).await;
    withdrawn.map_err(unlisted)
}

impl RunOptions {
    /// What this machine allows whoever sits at the Host.
    #[cfg(feature = "node")]
    fn allowed(&self) -> watchroom_node::Allowed {
        self.loaded.allowed.clone()
    }
}

/// The list of endpoints cannot be kept.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unlisted(error: io::Error) -> Failure {
    let cause = format!("cannot say where we listen: {error}");
    Failure::new(FaultKind::Internal, cause)
        .next_step("make sure that this user may write to the folder `run` of the state folder")
}

fn say(line: &str) -> Result<(), Failure> {
    use std::io::Write;
    writeln!(io::stdout(), "{line}").map_err(|_| Failure::hung_up())
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::new(
            FaultKind::Internal,
            format!("this program cannot find its own file: {error}"),
        )
    })
}

/// The wish of a person or the system to stop. It is listened for before anything starts: one that comes
/// during the start is heard, and ends what was started in order.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        let cannot = |error: io::Error| {
            Failure::new(FaultKind::Internal, format!("cannot listen to signals: {error}"))
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(cannot)?,
            interrupt: signal(SignalKind::interrupt()).map_err(cannot)?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Stopping]) {
            tracing::debug!(%error, "no service manager was told of the stop");
        }
    }
}

async fn end(ambient: &Ambient) {
    if !ambient.tasks.shutdown(PATIENCE).await {
        tracing::warn!("some work did not end in time and is dropped");
    }
}

#[cfg(feature = "host")]
mod host {
    //! The Host as the long-running commands start, announce and stop it.

    use std::io::IsTerminal;
    use std::path::Path;

    use super::{
        Ambient, Endpoints, Failure, FaultKind, LINK_LOOKED_FOR_EVERY, LINK_PATIENCE, RunOptions, State,
        descriptors, end, io, unlisted,
    };
    #[cfg(feature = "node")]
    use crate::agent::Agent;
    use crate::announce::{self, Announcement};
    use crate::config::Config;
    use crate::host::{Host, Listeners, loopback_of};

    /// Removes a file that may be gone already.
    fn forget(path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) struct Running {
        host: Host,
        endpoints: Endpoints,
        port: u16,
    }

    pub(super) async fn start(state: &State, config: &Config, ambient: &Ambient) -> Result<Running, Failure> {
        // What a killed program left behind would send scripts to ports that are somebody else's by now.
        Endpoints::withdraw_host(state.folder()).map_err(unlisted)?;
        let listeners = Listeners::bind(config, &state.sockets()?.join("host.sock")).await?;
        let unbound = |error: io::Error| Failure::new(FaultKind::Internal, error.to_string());
        let panel = listeners.panel.local_addr().map_err(unbound)?;
        let ops = listeners.ops.local_addr().map_err(unbound)?;
        let endpoints = Endpoints {
            panel: Some(format!("https://{}", loopback_of(panel))),
            ops: Some(format!("http://{ops}")),
            node: None,
            socket: Some(listeners.socket_path.clone()),
        };
        let mut config = config.clone();
        config.shield.connections = descriptors::most_connections(config.shield.connections);
        let host = Host::open(state, &config, ambient.clone()).await?;
        host.serve(listeners);
        host.enrol_local(state.folder(), &config, loopback_of(panel).to_string())
            .await?;
        Ok(Running {
            host,
            endpoints,
            port: panel.port(),
        })
    }

    impl Running {
        /// Says where the node's own page is, beside where the Host listens.
        #[cfg(feature = "node")]
        pub(super) fn has_node(&mut self, agent: &Agent) {
            self.endpoints.node = agent.endpoints().node;
        }

        #[cfg(feature = "node")]
        /// Counts the local node's link among what must work, and gives it a moment to come up, so that an order
        /// given right after the start finds it. Without it the start goes on: `/readyz` then says what is wrong.
        pub(super) async fn expect_local_node(&self) {
            self.host.expect_local_node();
            let up = async {
                while !self.host.has_local_link() {
                    tokio::time::sleep(LINK_LOOKED_FOR_EVERY).await;
                }
            };
            if tokio::time::timeout(LINK_PATIENCE, up).await.is_err() {
                tracing::warn!("the local node has no link yet; it goes on trying");
            }
        }

        pub(super) async fn announce(
            &self,
            state: &State,
            options: &RunOptions,
            running_servers: usize,
        ) -> Result<(), Failure> {
            let setup_code = self.host.identity.setup_code().await?;
            if setup_code.is_none() {
                announce::forget_setup_code(state.folder()).map_err(unlisted)?;
            }
            let name = gethostname::gethostname().to_string_lossy().into_owned();
            let announcement = Announcement {
                panel: format!("https://{name}:{}", self.port),
                setup_code: setup_code.map(|code| code.code),
                certificate: self.host.certificate.fingerprint().to_string(),
                state: state.folder().to_owned(),
                running_servers,
            };
            let mut out = io::stdout();
            let is_terminal = out.is_terminal();
            if options.is_quiet {
                announcement
                    .write(&mut io::sink(), is_terminal)
                    .map_err(unlisted)?;
            } else {
                announcement.write(&mut out, is_terminal).map_err(unlisted)?;
            }
            // The file is the promise that everything answers, so it comes last.
            self.open(state)
        }

        /// Says in the list of endpoints, and to a service manager, that everything answers.
        pub(super) fn open(&self, state: &State) -> Result<(), Failure> {
            self.endpoints.publish(state.folder()).map_err(unlisted)?;
            if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
                tracing::debug!(%error, "no service manager was told of the start");
            }
            Ok(())
        }

        /// Where the panel is, by a name that browsers on this machine take.
        #[cfg(feature = "node")]
        pub(super) fn panel(&self) -> String {
            format!("https://localhost:{}", self.port)
        }

        pub(super) async fn stop(self, state: &Path) -> Result<(), Failure> {
            let removed = Endpoints::withdraw_host(state);
            end(self.host.ambient()).await;
            self.host.close().await;
            // Left to the end: a client that finds it while we stop is told so, instead of that nobody is here.
            let socket = self.endpoints.socket.as_deref().map_or(Ok(()), forget);
            removed
                .and(socket)
                .map_err(|error| Failure::new(FaultKind::Internal, error.to_string()))
        }
    }
}
