//! A round trip to a node, for somebody who asks.

use std::time::Duration;

use watchroom_kit::Clock;
use watchroom_model::{Asker, Heartbeat, Inquiry, Look};

use super::NodeLink;
use crate::{LinkError, wire};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl NodeLink {
    /// Asks the node how it is, now: how long the way there and back took by `clock`, and what it said.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn ping(&self, asker: Asker, clock: &Clock) -> Result<(Duration, Heartbeat), LinkError> {
        let look = Look::Status;
        let request = self.signed(&Inquiry { look, asker }, PATIENCE)?;
        let begun = clock.elapsed();
        let mut client = self.client();
        let reply = self.within(PATIENCE, false, client.ping(request)).await?;
        let took = clock.elapsed().saturating_sub(begun);
        Ok((took, wire::answer(&reply.into_inner().heartbeat_json)?))
    }
}
