//! From a name to the one server that is meant.

use serde_json::Value;
use uuid::Uuid;
use watchroom_kit::FaultKind;

use super::Which;
use crate::cli::node::id_of;
use crate::client::Client;
use crate::failure::Failure;

/// The id of the server that is meant, by id or by name.
pub(super) async fn find(client: &Client, which: &Which) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::try_parse(&which.server) {
        return Ok(id);
    }
    let query = [
        ("name", which.server.clone()),
        ("node", which.node.clone().unwrap_or_default()),
    ];
    let servers = client.list("/api/servers", &query, usize::MAX).await?;
    let items = servers
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    match items {
        [server] => id_of(server)
            .ok_or_else(|| Failure::new(FaultKind::Internal, "the Host named a server without an id")),
        [] => Err(Failure::new(
            FaultKind::NotFound,
            format!("there is no server called {}", which.server),
        )
        .next_step("`watchroom server list` shows them")),
        several => {
            let nodes: Vec<_> = several
                .iter()
                .filter_map(|item| item.get("node_name")?.as_str())
                .collect();
            let cause = format!(
                "several nodes have a server called {}: {}",
                which.server,
                nodes.join(", ")
            );
            Err(Failure::new(FaultKind::Invalid, cause).next_step("add --node NODE"))
        }
    }
}
