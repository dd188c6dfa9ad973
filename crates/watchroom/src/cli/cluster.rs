//! `watchroom cluster`: the machines together, those that wish to join, and the invitations.

#[cfg(feature = "host")]
mod replica;
mod requests;
#[cfg(feature = "host")]
mod secret;
mod token;
mod trust;

use clap::Subcommand;
use serde_json::Value;

use super::context::Context;
use super::node;
use crate::failure::Failure;
use crate::output::{Column, Form};

/// See the cluster, let machines in and revoke them
#[derive(Debug, Subcommand)]
pub(super) enum Cluster {
    /// Show counts, health, and this Host
    #[command(after_help = "Example:\n  watchroom cluster status -o json")]
    Status,
    /// List the nodes with their status
    #[command(after_help = "Example:\n  watchroom cluster nodes")]
    Nodes,
    /// List the machines that wait to be let in, with their words
    #[command(after_help = "Example:\n  watchroom cluster requests")]
    Requests(requests::List),
    /// Let a machine in, once its six words have been compared
    #[command(after_help = "Example:\n  watchroom cluster approve attic")]
    Approve(requests::Approve),
    /// Turn a machine away
    #[command(after_help = "Example:\n  watchroom cluster reject attic --reason \"not one of ours\"")]
    Reject(requests::Reject),
    /// Exchange a round trip with a node
    #[command(after_help = "Example:\n  watchroom cluster ping attic")]
    Ping {
        /// Its name or id
        node: String,
    },
    /// Revoke a node; it stays listed until it is purged
    #[command(
        after_help = "Example:\n  watchroom cluster revoke attic --reason \"sold\"\n  watchroom cluster revoke attic --purge"
    )]
    Revoke {
        /// Its name or id
        node: String,
        /// Why, for the roll and the log
        #[arg(long, conflicts_with = "purge")]
        reason: Option<String>,
        /// Strike a node that was revoked before from the roll, with the record of its servers
        #[arg(long)]
        purge: bool,
    },
    /// Create, list and revoke join tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Let a fenced node back in: the machine that dials next is it
    #[command(after_help = "Example:\n  watchroom cluster unfence attic")]
    Unfence {
        /// Its name or id
        node: String,
    },
    #[command(subcommand)]
    Ca(trust::Ca),
    #[cfg(feature = "host")]
    #[command(subcommand)]
    Replica(replica::Replica),
    #[cfg(feature = "host")]
    #[command(subcommand)]
    Secret(secret::Secret),
}

const STATUS: &[Column] = &[
    Column::new("HEALTH", "health"),
    Column::new("REASONS", "reasons"),
    Column::new("NODES", "nodes"),
    Column::new("SERVERS", "servers"),
    Column::new("PENDING REQUESTS", "pending_requests"),
    Column::new("CLUSTER", "cluster_id"),
    Column::new("CLUSTER CA", "cluster_ca"),
    Column::new("REACHED AT", "replicas"),
    Column::new("VERSION", "version"),
    Column::new("UPTIME (S)", "uptime_s"),
];

const PONG: &[Column] = &[
    Column::new("OUTCOME", "outcome"),
    Column::new("ROUND TRIP (MS)", "round_trip_ms"),
    Column::new("STATUS", "status"),
];

impl Cluster {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::Status => status(context).await,
            Self::Nodes => node::list(context).await,
            Self::Requests(list) => list.run(context).await,
            Self::Approve(approve) => approve.run(context).await,
            Self::Reject(reject) => reject.run(context).await,
            Self::Ping { node } => {
                let client = context.client()?;
                let id = node::find(&client, &node).await?;
                let pong = client
                    .post(&format!("/api/cluster/nodes/{id}/ping"), &Value::Null)
                    .await?;
                context.output.thing(&pong, PONG)
            }
            Self::Revoke { node, reason, purge } => revoke(context, &node, reason, purge).await,
            Self::Token(token) => token.run(context).await,
            Self::Unfence { node } => trust::unfence(context, &node).await,
            Self::Ca(ca) => ca.run(context).await,
            #[cfg(feature = "host")]
            Self::Replica(replica) => replica.run(context),
            #[cfg(feature = "host")]
            Self::Secret(secret) => secret.run(context).await,
        }
    }
}

async fn status(mut context: Context) -> Result<(), Failure> {
    let client = context.client()?;
    let mut status = client.get("/api/cluster/status", &[]).await?;
    let host = client.get("/api/cluster/host-status", &[]).await?;
    if context.output.form() != Form::Table {
        let whole = serde_json::json!({ "cluster": status, "host": host });
        return context.output.whole(&whole);
    }
    if let (Some(members), Some(host)) = (status.as_object_mut(), host.as_object()) {
        members.extend(host.clone());
    }
    context.output.thing(&status, STATUS)
}

async fn revoke(
    mut context: Context,
    node: &str,
    reason: Option<String>,
    purge: bool,
) -> Result<(), Failure> {
    let client = context.client()?;
    let id = node::find(&client, node).await?;
    let path = format!("/api/cluster/nodes/{id}");
    if purge {
        let what = format!("Purging {node} strikes it from the roll, with the record of its servers.");
        context.confirm(&what, node)?;
        let answer = client.remove(&path, &[("purge", "true".to_owned())]).await?;
        return context
            .output
            .done(&format!("The node {node} is purged."), &answer);
    }
    let what =
        format!("Revoking {node} cuts its link at once. It can come back by a replace join URL alone.");
    context.confirm(&what, node)?;
    let answer = client
        .remove(&path, &[("reason", reason.unwrap_or_default())])
        .await?;
    let sentence = match answer.get("outcome").and_then(Value::as_str) {
        Some("already_so") => format!("The node {node} was revoked before."),
        _ => format!("The node {node} is revoked."),
    };
    context.output.done(&sentence, &answer)
}
