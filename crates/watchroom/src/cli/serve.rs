//! `watchroom up` and `watchroom host`, and what they share with `watchroom node`.

use std::net::SocketAddr;

use clap::Args;

use super::context::Context;
use crate::failure::Failure;
use crate::run::{self, RunOptions};
#[cfg(all(feature = "host", feature = "node"))]
use crate::{config::Sources, demo::Folder, environment::Environment};

/// Run a Host and a node on this machine; the first run sets everything up
#[cfg(all(feature = "host", feature = "node"))]
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  watchroom up\n  watchroom --state ./try up --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0 --node-listen 127.0.0.1:0"
)]
pub(super) struct Up {
    #[command(flatten)]
    host: HostListen,
    #[command(flatten)]
    node: NodeListen,
}

/// Show a Host, a second machine and servers to look at, in a folder that is thrown away at the end
#[cfg(all(feature = "host", feature = "node"))]
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  watchroom demo\n  watchroom demo --listen 127.0.0.1:7443")]
pub(super) struct Demo {
    #[command(flatten)]
    host: HostListen,
    #[command(flatten)]
    node: NodeListen,
}

/// Run the Host alone
#[cfg(feature = "host")]
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  watchroom host --listen 192.0.2.7:7443")]
pub(super) struct Host {
    #[command(flatten)]
    host: HostListen,
}

#[cfg(feature = "host")]
#[derive(Debug, Args)]
struct HostListen {
    /// Where panel, API and node links listen [default: [::]:7443]; port 0 picks a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Where liveness, readiness and metrics listen [default: 127.0.0.1:7444]
    #[arg(long, value_name = "ADDR")]
    ops_listen: Option<SocketAddr>,
}

#[cfg(feature = "node")]
#[derive(Debug, Args)]
pub(super) struct NodeListen {
    /// Where the node's own dashboard listens, on loopback [default: 127.0.0.1:5002]
    #[arg(long, value_name = "ADDR")]
    node_listen: Option<SocketAddr>,
}

type Flags = Vec<(&'static str, String, &'static str)>;

#[cfg(feature = "host")]
impl HostListen {
    fn flags(&self) -> Flags {
        let listen = self
            .listen
            .map(|address| ("host.listen", address.to_string(), "--listen"));
        let ops = self
            .ops_listen
            .map(|address| ("host.ops_listen", address.to_string(), "--ops-listen"));
        listen.into_iter().chain(ops).collect()
    }
}

#[cfg(feature = "node")]
impl NodeListen {
    fn flags(&self) -> Flags {
        let listen = self
            .node_listen
            .map(|address| ("node.listen", address.to_string(), "--node-listen"));
        listen.into_iter().collect()
    }

    /// Runs the node agent alone.
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        run::node(options(&context, self.flags())?).await
    }
}

#[cfg(all(feature = "host", feature = "node"))]
impl Up {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let flags = self.host.flags().into_iter().chain(self.node.flags()).collect();
        run::up(options(&context, flags)?).await
    }
}

#[cfg(all(feature = "host", feature = "node"))]
impl Demo {
    /// Beside whatever runs on this machine: on free ports, for this machine alone, unless it is told otherwise.
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let free: SocketAddr = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        let host = HostListen {
            listen: self.host.listen.or(Some(free)),
            ops_listen: self.host.ops_listen.or(Some(free)),
        };
        let node = NodeListen {
            node_listen: self.node.node_listen.or(Some(free)),
        };
        let flags = host.flags().into_iter().chain(node.flags()).collect();
        let folder = Folder::new(&context.temporary(), &context.ambient)?;
        // Nothing of a real installation: neither its files nor its environment, lest its database be played with.
        let sources = Sources {
            file: Some(folder.configuration()),
            environment: Environment::of([]),
            flags,
        };
        run::demo(&sources.load()?.config, folder).await
    }
}

#[cfg(feature = "host")]
impl Host {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        run::host(options(&context, self.host.flags())?).await
    }
}

fn options(context: &Context, flags: Flags) -> Result<RunOptions, Failure> {
    let sources = context.sources(flags);
    Ok(RunOptions {
        state: context.state()?,
        loaded: sources.load()?,
        sources,
        environment: context.environment.clone(),
        is_quiet: context.globals.quiet,
    })
}
