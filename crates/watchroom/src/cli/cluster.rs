//! `watchroom cluster`: the machines together.

mod trust;

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
    /// Let a fenced node back in: the machine that dials next is it
    #[command(after_help = "Example:\n  watchroom cluster unfence attic")]
    Unfence {
        /// Its name or id
        node: String,
    },
    #[command(subcommand)]
    Ca(trust::Ca),
}

impl Cluster {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        match self {
            Self::Nodes => node::list(context).await,
            Self::Unfence { node } => trust::unfence(context, &node).await,
            Self::Ca(ca) => ca.run(context).await,
        }
    }
}
