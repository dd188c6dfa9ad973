//! A round trip to a node.

use std::time::Duration;

use watchroom_model::Heartbeat;

use super::NodeLink;
use crate::{LinkError, wire};

/// The slowest pace that a node takes: only its first word is waited for.
const NO_PACE_MS: u64 = 60_000;
/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl NodeLink {
    /// Asks the node how it is, now: how long the way there and back took by `clock`, and what it said.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn ping(&self, clock: &watchroom_kit::Clock) -> Result<(Duration, Heartbeat), LinkError> {
        let begun = clock.elapsed();
        let mut client = self.client();
        let asked = async {
            let request = wire::HeartbeatsRequest { every_ms: NO_PACE_MS };
            client.heartbeats(request).await?.into_inner().message().await
        };
        let first = self.within(PATIENCE, false, asked).await?;
        let took = clock.elapsed().saturating_sub(begun);
        let message = first.ok_or_else(|| LinkError::Garbled {
            why: "it ended without a word".to_owned(),
        })?;
        Ok((took, wire::answer(&message.heartbeat_json)?))
    }
}
