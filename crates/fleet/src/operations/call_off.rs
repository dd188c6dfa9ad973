//! Calling an operation off: the node is told, and ends it in its own words.

use std::time::Duration;

use watchroom_model::{Envelope, MachineOrder, OperationId, OrderOutcome, without_doer};
use watchroom_policy::{Permit, act};
use watchroom_store::StoreError;

use super::{OperationState, OperationView};
use crate::Fleet;
use crate::servers::OrderError;

/// How long the node may take to say that it heard.
const PATIENCE: Duration = Duration::from_secs(15);

impl Fleet {
    /// Calls an operation off. It goes on for the moment that the node needs to start again what it stopped.
    ///
    /// # Errors
    /// [`OrderError::OperationOver`] if it has ended, [`OrderError::RefusedByNode`] if it is too late, or why the node
    /// does not answer.
    pub async fn call_off(
        &self,
        permit: &Permit<act::CancelOperation>,
        id: OperationId,
    ) -> Result<OperationView, OrderError> {
        let operation = self.operation(id).await?.ok_or(OrderError::NoSuchOperation)?;
        if operation.state != OperationState::Underway {
            return Err(OrderError::OperationOver);
        }
        let node = self.known_node(operation.node_id).ok_or(OrderError::NoSuchNode)?;
        OrderError::unless_admitted(&node)?;
        self.note_call_off(permit, id, "intent", None).await?;
        let envelope = Envelope {
            key: self.ambient().uuid().to_string(),
            order: MachineOrder::StayUp.into(),
            principal: permit.principal().audit_name(),
            by: permit.principal().display_name(),
            decision: permit.decision(),
            deadline: PATIENCE,
        };
        let asked = self.gateway().order(node.id(), envelope).await;
        let failure = match asked {
            Ok(OrderOutcome::Refused { code, why }) => Some(OrderError::RefusedByNode { code, why }),
            Ok(_) => None,
            Err(error) => Some(OrderError::from_gateway(node.name(), error)),
        };
        self.note_call_off(permit, id, "outcome", failure.as_ref().map(ToString::to_string))
            .await?;
        match failure {
            Some(failure) => Err(failure),
            None => self.operation(id).await?.ok_or(OrderError::NoSuchOperation),
        }
    }

    async fn note_call_off(
        &self,
        permit: &Permit<act::CancelOperation>,
        id: OperationId,
        phase: &'static str,
        failure: Option<String>,
    ) -> Result<(), StoreError> {
        self.store()
            .write(permit, async move |tx| {
                tx.note("phase", phase);
                tx.note("operation", id.to_string());
                if let Some(why) = &failure {
                    tx.note("outcome", without_doer(why));
                    tx.note_failure();
                }
                Ok(())
            })
            .await
    }
}
