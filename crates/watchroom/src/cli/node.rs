//! `watchroom node`: the agent alone; and the nodes a Host knows.

#[cfg(feature = "node")]
mod certificate;
mod metrics;
mod power;

use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;
#[cfg(feature = "node")]
use watchroom_kit::ExposeSecret;
use watchroom_kit::FaultKind;

use super::context::Context;
use crate::client::Client;
#[cfg(feature = "node")]
use crate::endpoints::Endpoints;
use crate::failure::Failure;
use crate::output::Column;

/// Run the node agent alone, or see the nodes of a Host
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  watchroom node\n  watchroom node list"
)]
pub(super) struct Node {
    #[command(subcommand)]
    command: Option<NodeCommand>,
    #[cfg(feature = "node")]
    #[command(flatten)]
    listen: super::serve::NodeListen,
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// List the nodes
    #[command(after_help = "Example:\n  watchroom node list -o json")]
    List,
    /// Show one node
    #[command(after_help = "Example:\n  watchroom node show attic")]
    Show {
        /// Its name or id
        node: String,
    },
    /// Show what a machine did in the last hour: processor, memory, load, network
    #[command(
        after_help = "Example:\n  watchroom node metrics attic\n  watchroom node metrics attic --since 10m -o json"
    )]
    Metrics(metrics::Metrics),
    /// Restart a machine; its servers are stopped in order first, and run again after
    #[command(after_help = "Example:\n  watchroom node restart attic")]
    Restart(power::Power),
    /// Shut a machine down; somebody must switch it on again
    #[command(after_help = "Example:\n  watchroom node shutdown attic")]
    Shutdown(power::Power),
    /// Show and verify what this machine's own agent has written down of its orders
    #[cfg(feature = "node")]
    #[command(after_help = "Example:\n  watchroom node audit -o json")]
    Audit,
    /// Print this machine's own certificate (PEM), for clients of other makes
    #[cfg(feature = "node")]
    #[command(
        after_help = "Example:\n  watchroom node certificate > node.crt\n  watchroom node certificate --authorities > cluster-ca.crt"
    )]
    Certificate(certificate::Certificate),
    /// Make a link to this machine's own node page; it works once, for five minutes
    #[cfg(feature = "node")]
    #[command(after_help = "Example:\n  watchroom node open")]
    Open,
}

#[cfg(feature = "node")]
const DEEDS: &[Column] = &[
    Column::new("SEQ", "seq"),
    Column::new("TIME", "timestamp"),
    Column::new("WHO", "user"),
    Column::new("ORDER", "action"),
    Column::new("ON", "resource"),
    Column::new("RESULT", "result"),
    Column::new("DECISION", "decision_id"),
    Column::new("DETAIL", "extra"),
];

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("STATUS", "status"),
    Column::new("ADDRESS", "address"),
    Column::new("SERVERS", "server_count"),
    Column::new("VERSION", "version"),
    Column::new("LAST PING", "last_ping"),
    Column::new("REASON", "reason"),
];

const CARD: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ID", "id"),
    Column::new("STATUS", "status"),
    Column::new("REASON", "reason"),
    Column::new("LOCAL", "local"),
    Column::new("ADDRESS", "address"),
    Column::new("PORT", "port"),
    Column::new("VERSION", "version"),
    Column::new("SERVERS", "server_count"),
    Column::new("LAST PING", "last_ping"),
    Column::new("LOAD", "load"),
    Column::new("MEMORY", "memory"),
    Column::new("DISK", "disk"),
    Column::new("LABELS", "labels"),
    Column::new("CERTIFICATE UNTIL", "certificate_expires_at"),
];

impl Node {
    pub(super) fn is_service(&self) -> bool {
        self.command.is_none()
    }

    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        match self.command {
            Some(NodeCommand::List) => list(context).await,
            Some(NodeCommand::Show { node }) => show(context, &node).await,
            Some(NodeCommand::Metrics(metrics)) => metrics.run(context).await,
            Some(NodeCommand::Restart(power)) => power.run(context, "restart", "restarts").await,
            Some(NodeCommand::Shutdown(power)) => power.run(context, "shutdown", "shuts down").await,
            #[cfg(feature = "node")]
            Some(NodeCommand::Audit) => audit(context),
            #[cfg(feature = "node")]
            Some(NodeCommand::Certificate(certificate)) => certificate.run(context),
            #[cfg(feature = "node")]
            Some(NodeCommand::Open) => open(context),
            None => self.serve(context).await,
        }
    }

    #[cfg(feature = "node")]
    async fn serve(self, context: Context) -> Result<(), Failure> {
        self.listen.run(context).await
    }

    #[cfg(not(feature = "node"))]
    async fn serve(self, _context: Context) -> Result<(), Failure> {
        Err(Failure::new(FaultKind::Invalid, "this build holds no node agent")
            .next_step("use a build with the feature `node`"))
    }
}

/// Prints all nodes.
pub(super) async fn list(mut context: Context) -> Result<(), Failure> {
    let nodes = context.client()?.list("/api/nodes", &[], usize::MAX).await?;
    context.output.list(&nodes, LIST)
}

/// Prints the node's own audit; an entry that is not as it was written fails the command with its place.
#[cfg(feature = "node")]
fn audit(mut context: Context) -> Result<(), Failure> {
    let audit = watchroom_node::NodeAudit::read(&context.state()?.join("node")).map_err(|error| {
        Failure::new(FaultKind::Conflict, error.to_string())
            .next_step("keep the folder as evidence, and compare with the Host's own log")
    })?;
    let entries = serde_json::to_value(&audit.entries)
        .map_err(|error| Failure::new(FaultKind::Internal, error.to_string()))?;
    let page = serde_json::json!({ "items": entries, "next_cursor": null });
    context.output.list(&page, DEEDS)?;
    context.remark(&format!(
        "{} entries, each as it was written and behind the one before it",
        audit.entries.len()
    ));
    Ok(())
}

/// Invites one browser to the page of the node that runs on this state folder. Who may write there is believed.
#[cfg(feature = "node")]
fn open(mut context: Context) -> Result<(), Failure> {
    let state = context.state()?;
    let unusable = |error: std::io::Error| {
        let run = Endpoints::folder(&state);
        let cause = format!("cannot use {}: {error}", run.display());
        Failure::new(FaultKind::Forbidden, cause)
            .next_step("run this as root or as the account of the node agent")
    };
    let endpoints = Endpoints::read(&state).map_err(unusable)?.unwrap_or_default();
    let page = endpoints.node.ok_or_else(|| {
        let cause = format!("no node with a page of its own runs on {}", state.display());
        Failure::new(FaultKind::Unavailable, cause).next_step(
            "start `watchroom up` or `watchroom node`; if it runs, its log says why it has no page",
        )
    })?;
    let invitations = watchroom_node::Invitations::of(&Endpoints::folder(&state));
    let code = invitations.issue(&context.ambient).map_err(unusable)?;
    let url = format!("{page}/enter?code={}", code.expose_secret());
    context.output.done(&url, &serde_json::json!({ "url": url }))
}

async fn show(mut context: Context, node: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, node).await?;
    let node = client.get(&format!("/api/nodes/{id}"), &[]).await?;
    context.output.thing(&node, CARD)
}

/// The id of the node called `node`, by name or id.
pub(super) async fn find(client: &Client, node: &str) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::try_parse(node) {
        return Ok(id);
    }
    let nodes = client.list("/api/nodes", &[], usize::MAX).await?;
    let items = nodes
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let named = items
        .iter()
        .find(|item| item.get("name").and_then(Value::as_str) == Some(node));
    named.and_then(id_of).ok_or_else(|| {
        Failure::new(FaultKind::NotFound, format!("there is no node called {node}"))
            .next_step("`watchroom node list` shows them")
    })
}

/// The `id` of a thing.
pub(super) fn id_of(thing: &Value) -> Option<Uuid> {
    thing
        .get("id")
        .and_then(Value::as_str)
        .and_then(|id| Uuid::try_parse(id).ok())
}
