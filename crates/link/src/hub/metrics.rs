//! What a node has measured.

use std::time::Duration;

use time::OffsetDateTime;
use watchroom_model::{Asker, Inquiry, Look, Sample};

use super::NodeLink;
use crate::{LinkError, wire};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl NodeLink {
    /// Asks the node for somebody what it has measured after `since` by its own clock, oldest first: at most its last hour.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn metrics(&self, asker: Asker, since: OffsetDateTime) -> Result<Vec<Sample>, LinkError> {
        let look = Look::Metrics { since };
        let request = self.signed(&Inquiry { look, asker }, PATIENCE)?;
        let mut client = self.client();
        let reply = self.within(PATIENCE, false, client.metrics(request)).await?;
        wire::answer(&reply.into_inner().samples_json)
    }
}
