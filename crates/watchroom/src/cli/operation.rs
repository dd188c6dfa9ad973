//! `watchroom operation`: long work, to be followed and called off.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use super::context::Context;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Column;

/// How often the Host is asked how it goes.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Follow long work on a node, and call it off
#[derive(Debug, Subcommand)]
pub(super) enum Operation {
    /// Show how an operation goes
    #[command(after_help = "Example:\n  watchroom operation show 0198c5a0-...")]
    Show {
        /// Its id
        operation: Uuid,
    },
    /// Call an operation off, as long as that can be done
    #[command(after_help = "Example:\n  watchroom operation cancel 0198c5a0-...")]
    Cancel {
        /// Its id
        operation: Uuid,
    },
}

const CARD: &[Column] = &[
    Column::new("ID", "id"),
    Column::new("KIND", "kind"),
    Column::new("NODE", "node_id"),
    Column::new("BY", "by"),
    Column::new("STATE", "state"),
    Column::new("SERVERS DOWN", "progress"),
    Column::new("OUTCOME", "outcome"),
    Column::new("BEGUN", "begun_at"),
    Column::new("ENDED", "ended_at"),
];

impl Operation {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self {
            Self::Show { operation } => {
                let shown = client.get(&format!("/api/operations/{operation}"), &[]).await?;
                context.output.thing(&shown, CARD)
            }
            Self::Cancel { operation } => {
                let path = format!("/api/operations/{operation}/cancel");
                let answer = client.post(&path, &json!({})).await?;
                context
                    .output
                    .done("Called off: what was stopped for it is started again.", &answer)
            }
        }
    }
}

/// Waits until an operation has ended, telling a person how it goes, and gives how it stands then.
pub(super) async fn follow(context: &Context, client: &Client, begun: Value) -> Result<Value, Failure> {
    let (mut now, mut said) = (begun, String::new());
    while text(&now, "state") == "underway" {
        let count = |name: &str| now.pointer(&format!("/progress/{name}")).and_then(Value::as_u64);
        let (done, of) = (count("done").unwrap_or(0), count("of").unwrap_or(0));
        let progress = format!("Stopping servers: {done} of {of} are down.");
        if progress != said {
            context.remark(&progress);
            said = progress;
        }
        tokio::time::sleep(ASKED_EVERY).await;
        now = client
            .get(&format!("/api/operations/{}", id_of(&now)), &[])
            .await?;
    }
    Ok(now)
}

/// A member of an operation, as text.
pub(super) fn text<'a>(operation: &'a Value, name: &str) -> &'a str {
    operation.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An operation's id, as it came.
pub(super) fn id_of(operation: &Value) -> &str {
    text(operation, "id")
}
