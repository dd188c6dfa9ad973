//! What a node has measured.

use std::time::Duration;

use time::OffsetDateTime;
use watchroom_model::Sample;

use super::NodeLink;
use crate::{LinkError, wire};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl NodeLink {
    /// Asks the node what it has measured after `since` by its own clock, oldest first: at most its last hour.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn metrics(&self, since: OffsetDateTime) -> Result<Vec<Sample>, LinkError> {
        let mut client = self.client();
        let request = wire::MetricsRequest {
            since_us: wire::micros(since),
        };
        let reply = self.within(PATIENCE, false, client.metrics(request)).await?;
        wire::answer(&reply.into_inner().samples_json)
    }
}
