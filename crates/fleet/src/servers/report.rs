//! Keeping what nodes say of their servers, and mending what the two do not agree on.

use std::collections::BTreeSet;

use watchroom_model::{
    Envelope, NodeId, OrderOutcome, ServerId, ServerOrder, ServerReport, names_the_erased, without_doer,
};
use watchroom_policy::{Permit, Target};
use watchroom_store::{Changed, StoreError};

use super::order::report_update;
use super::word;
use crate::Fleet;

/// How long a node may take to be told of a server it should have known.
const MENDING: std::time::Duration = std::time::Duration::from_secs(15);

/// What a report says of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsNews {
    /// Something new.
    News,
    /// What is known.
    Known,
    /// It is no server of the node that says it.
    NotItsOwn,
}

/// Whether a report says what is known: a node may still name somebody who was erased here.
fn is_known(known: &ServerReport, said: &ServerReport) -> bool {
    known == said
        || names_the_erased(&known.reason, &said.reason)
            && *known
                == ServerReport {
                    reason: known.reason.clone(),
                    ..said.clone()
                }
}

impl Fleet {
    /// Whether this is the report of a server of this node, and says something new.
    #[must_use]
    pub fn is_news(&self, node: NodeId, report: &ServerReport) -> IsNews {
        match self.known_server(report.id) {
            Some(server) if server.node.id() != node => IsNews::NotItsOwn,
            None => IsNews::NotItsOwn,
            Some(server) if is_known(&server.report, report) => IsNews::Known,
            Some(_) => IsNews::News,
        }
    }

    /// A node has said how one of its servers is. What is of no server of its own, or no news, changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept; the next report will say it again.
    pub async fn reported(&self, node: NodeId, report: ServerReport) -> Result<(), StoreError> {
        let Some(server) = self
            .known_server(report.id)
            .filter(|server| server.node.id() == node && !is_known(&server.report, &report))
        else {
            return Ok(());
        };
        let permit: Permit<watchroom_policy::act::ReportServer> =
            Permit::of_house(&server.resource(), self.decision());
        let now = self.ambient().clock.now_micros();
        let (id, before) = (report.id, server.report.clone());
        self.store()
            .write(&permit, async move |tx| {
                tx.update(report_update(&report, now)).await?;
                tx.note("before", word(&before.status));
                tx.note("after", word(&report.status));
                tx.note("reason", without_doer(&report.reason));
                tx.changed(Changed::Server(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        self.reload_server(id).await?;
        Ok(())
    }

    /// A node has said which servers it keeps: it is told again of the others that it should.
    pub async fn mend_roll(&self, node: NodeId, kept: &BTreeSet<ServerId>) {
        let missing: Vec<_> = self
            .known_servers()
            .values()
            .filter(|server| server.node.id() == node && !kept.contains(&server.id()))
            .cloned()
            .collect();
        for server in missing {
            self.mend(node, server.spec.clone()).await;
        }
    }

    /// Tells a node again of a server that it should keep: it missed the order, or lost its memory.
    async fn mend(&self, node: NodeId, spec: watchroom_model::ServerSpec) {
        let id = spec.id;
        let envelope = Envelope {
            key: format!("mend/{id}/{}", self.ambient().uuid()),
            order: ServerOrder::Create(Box::new(spec)).into(),
            principal: "system".to_owned(),
            by: "watchroom".to_owned(),
            decision: self.decision(),
            deadline: MENDING,
        };
        match self.gateway().order(node, envelope).await {
            Ok(OrderOutcome::Refused { code, why }) => {
                tracing::warn!(node.id = %node, server.id = %id, code, why, "a node will not keep a server it should");
            }
            Ok(_) => {
                tracing::info!(node.id = %node, server.id = %id, "told a node again of a server it should keep");
            }
            Err(error) => {
                tracing::warn!(node.id = %node, server.id = %id, %error, "could not mend a node's roll");
            }
        }
    }
}
