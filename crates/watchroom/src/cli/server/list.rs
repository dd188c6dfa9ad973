//! `watchroom server list` and `show`.

use clap::Args;

use super::Which;
use super::find::find;
use crate::cli::context::Context;
use crate::failure::Failure;
use crate::output::Column;

/// List servers
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only on this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only with this status (running, stopped, failed, ...)
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only with this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

const LIST: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("NODE", "node_name"),
    Column::new("STATUS", "status"),
    Column::new("DESIRED", "desired"),
    Column::new("PID", "pid"),
    Column::new("STARTED", "started_at"),
    Column::new("REASON", "reason"),
];

const CARD: &[Column] = &[
    Column::new("NAME", "name"),
    Column::new("ID", "id"),
    Column::new("NODE", "node_name"),
    Column::new("STATUS", "status"),
    Column::new("DESIRED", "desired"),
    Column::new("REASON", "reason"),
    Column::new("COMMAND", "command"),
    Column::new("FOLDER", "folder"),
    Column::new("RUN AS", "run_as"),
    Column::new("PID", "pid"),
    Column::new("STARTED", "started_at"),
    Column::new("EXIT CODE", "exit_code"),
    Column::new("RESTART POLICY", "restart_policy"),
    Column::new("STOP", "stop"),
    Column::new("LIMITS", "limits"),
    Column::new("LIMITED BY", "limited_by"),
    Column::new("LABELS", "labels"),
    Column::new("AS OF", "as_of"),
];

impl List {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let query = [
            ("node", self.node.unwrap_or_default()),
            ("status", self.status.unwrap_or_default()),
            ("name", self.name.unwrap_or_default()),
        ];
        let servers = context.client()?.list("/api/servers", &query, usize::MAX).await?;
        context.output.list(&servers, LIST)
    }
}

pub(super) async fn show(mut context: Context, which: &Which) -> Result<(), Failure> {
    let client = context.client()?;
    let id = find(&client, which).await?;
    let server = client.get(&format!("/api/servers/{id}"), &[]).await?;
    context.output.thing(&server, CARD)
}
