//! `watchroom up` and `watchroom host`, and what they share with `watchroom node`.

use std::net::SocketAddr;

use clap::Args;

use super::context::Context;
use crate::failure::Failure;
use crate::run::{self, RunOptions};

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
