//! `watchroom node restart` and `shutdown`: the machine goes down, and the terminal follows until it is told.

use clap::Args;
use serde_json::{Value, json};
use watchroom_kit::FaultKind;

use super::find;
use crate::cli::context::Context;
use crate::cli::operation;
use crate::client::Client;
use crate::failure::Failure;

/// Which machine, and whether to follow.
#[derive(Debug, Args)]
pub(super) struct Power {
    /// Its name or id
    node: String,
    /// Return at once; `watchroom operation show ID` says how it goes
    #[arg(long)]
    no_wait: bool,
}

impl Power {
    /// Does it: `verb` is the last part of the path, `what` what happens to the machine.
    pub(super) async fn run(self, mut context: Context, verb: &str, what: &str) -> Result<(), Failure> {
        let client = context.client()?;
        let id = find(&client, &self.node).await?;
        let node = client.get(&format!("/api/nodes/{id}"), &[]).await?;
        let name = node.get("name").and_then(Value::as_str).unwrap_or(&self.node);
        let running = running(&client, &id.to_string()).await?;
        let stops = match &running[..] {
            [] => "No server runs on it.".to_owned(),
            names => format!("Its servers are stopped first: {}.", names.join(", ")),
        };
        context.confirm(&format!("This {what} the machine {name}. {stops}"), name)?;
        let path = format!("/api/nodes/{id}/{verb}");
        let begun = client.order(&path, &json!({ "confirm_name": name })).await?;
        if self.no_wait {
            let id = operation::id_of(&begun);
            return context
                .output
                .done(&format!("Under way: operation {id}."), &begun);
        }
        let ended = operation::follow(&context, &client, begun).await?;
        let outcome = operation::text(&ended, "outcome");
        match operation::text(&ended, "state") {
            "done" => context.output.done(&format!("{name}: {outcome}."), &ended),
            state => {
                let cause = format!("{name}: {}: {outcome}", state.replace('_', " "));
                Err(Failure::new(FaultKind::Conflict, cause))
            }
        }
    }
}

/// The names of the servers that run on a node, as far as whoever asks may see them.
async fn running(client: &Client, node: &str) -> Result<Vec<String>, Failure> {
    let servers = client
        .list("/api/servers", &[("node", node.to_owned())], usize::MAX)
        .await?;
    let items = servers
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let running = items
        .iter()
        .filter(|server| server.get("pid").is_some_and(Value::is_u64));
    let names = running.filter_map(|server| server.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}
