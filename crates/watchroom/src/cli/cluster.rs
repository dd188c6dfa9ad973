//! `watchroom cluster`: the machines together.

use clap::Subcommand;

use super::context::Context;
use super::node;
use crate::failure::Failure;

/// See the cluster
#[derive(Debug, Subcommand)]
pub(super) enum Cluster {
    /// List the nodes with their status
    #[command(after_help = "Example:\n  watchroom cluster nodes")]
    Nodes,
}

impl Cluster {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        match self {
            Self::Nodes => node::list(context).await,
        }
    }
}
