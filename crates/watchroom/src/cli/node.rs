//! `watchroom node`: the agent alone; and the nodes a Host knows.

use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::context::Context;
use crate::client::Client;
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
}

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
