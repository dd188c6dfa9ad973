//! Who is in the jail of a machine's fail2ban.

use std::time::Duration;

use watchroom_model::{Asker, Inquiry, Jail, Look};

use super::NodeLink;
use crate::{LinkError, wire};

/// How long a node may take to answer: it has another program asked.
const PATIENCE: Duration = Duration::from_secs(10);

impl NodeLink {
    /// Asks the node for somebody who is in its jail.
    ///
    /// # Errors
    /// [`LinkError`]; the code `not_allowed_here` if the node's own rules do not show it.
    pub async fn jail(&self, asker: Asker) -> Result<Jail, LinkError> {
        let look = Look::Jail;
        let request = self.signed(&Inquiry { look, asker }, PATIENCE)?;
        let mut client = self.client();
        let reply = self.within(PATIENCE, false, client.jail(request)).await?;
        wire::answer(&reply.into_inner().jail_json)
    }
}
