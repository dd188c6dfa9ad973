//! What somebody at this very machine sees and orders, beside what comes over the link.

use std::time::Duration;

use watchroom_audit::{Draft, Entry};
use watchroom_link::Envelope;
use watchroom_model::{DecisionId, OrderOutcome, ServerName, ServerOrder, ServerReport};

use super::Supervisor;

/// How long whoever sits here waits for an order: within the time a page may take.
const PATIENCE: Duration = Duration::from_secs(20);

impl Supervisor {
    /// The node's servers by name, each as it is.
    pub(crate) fn servers(&self) -> Vec<(ServerName, ServerReport)> {
        let roster = self.house.roster();
        let mut servers: Vec<_> = roster
            .values()
            .map(|post| (post.kept.spec.name.clone(), post.report.borrow().clone()))
            .collect();
        servers.sort_by(|(one, _), (other, _)| one.cmp(other));
        servers
    }

    /// The last entries of the node's own audit, newest first.
    pub(crate) fn latest(&self) -> Vec<Entry> {
        self.house.latest()
    }

    /// Does an order of an account of this machine. It passes the same gate and leaves the same entries as one
    /// from the Host: `node.toml` holds for whoever sits here too, and they may change it.
    pub(crate) async fn order_here(&self, order: ServerOrder, account: &str) -> OrderOutcome {
        let ambient = &self.house.ambient;
        let envelope = Envelope {
            key: format!("here/{}", ambient.uuid()),
            order: order.into(),
            principal: format!("local:{account}"),
            by: account.to_owned(),
            decision: DecisionId::mint(ambient),
            deadline: PATIENCE,
        };
        self.desk.order(envelope).await
    }

    /// Writes something that happened here into the node's own audit; `false` if it could not be written.
    pub(crate) async fn write_down(&self, draft: Draft) -> bool {
        let action = draft.action.clone();
        match self.house.audit(draft).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "{action} is not in the node's audit");
                false
            }
        }
    }
}
