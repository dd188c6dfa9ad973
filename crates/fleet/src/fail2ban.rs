//! The fail2ban of this Host's own machine, which its node asks: who is in the jail, and letting somebody out.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use watchroom_model::{Envelope, Jailed, JailedAddress, MachineOrder, NodeName, OrderOutcome};
use watchroom_policy::{Permit, act};
use watchroom_store::StoreError;

use crate::gateway::asker;
use crate::servers::{OrderError, Outcome};
use crate::{Fleet, Node};

/// How long the node may take: it has another program asked.
const PATIENCE: Duration = Duration::from_secs(12);

/// The jail, and where it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JailView {
    /// The node of this Host's machine.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// What the jail is called.
    pub jail: String,
    /// Who is in it.
    pub banned: Vec<Jailed>,
}

/// What became of a wish to let somebody out.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Unjailed {
    /// `already_so` if they were not in it.
    pub outcome: Outcome,
}

impl Fleet {
    /// Who is in the jail.
    ///
    /// # Errors
    /// [`OrderError`]: refused by the node with its reason (not allowed on the machine, no fail2ban), or away.
    pub async fn jail(&self, permit: &Permit<act::ListJail>) -> Result<JailView, OrderError> {
        let node = self.own()?;
        let jail = self.gateway().jail(node.id(), asker(permit)).await;
        let jail = jail.map_err(|error| OrderError::from_gateway(node.name(), error))?;
        Ok(JailView {
            node: node.name(),
            jail: jail.name,
            banned: jail.banned,
        })
    }

    /// Lets somebody out of the jail: intent committed, node asked, outcome committed. Whoever is not in it is out already,
    /// so that asking twice does no harm.
    ///
    /// # Errors
    /// As [`Fleet::jail`].
    pub async fn unjail(
        &self,
        permit: &Permit<act::LiftJailed>,
        address: JailedAddress,
    ) -> Result<Unjailed, OrderError> {
        let node = self.own()?;
        self.store()
            .write(permit, async move |tx| {
                tx.note("phase", "intent");
                tx.note("address", address.to_string());
                Ok::<_, StoreError>(())
            })
            .await?;
        let asked = self.ask_out(permit, &node, address).await;
        let told = asked.as_ref().map(|unjailed| json!(unjailed.outcome));
        let told = told.unwrap_or_else(|error| json!(error.to_string()));
        let has_failed = asked.is_err();
        self.store()
            .write(permit, async move |tx| {
                tx.note("phase", "outcome");
                tx.note("address", address.to_string());
                tx.note("outcome", told.clone());
                if has_failed {
                    tx.note_failure();
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        asked
    }

    async fn ask_out(
        &self,
        permit: &Permit<act::LiftJailed>,
        node: &Node,
        address: JailedAddress,
    ) -> Result<Unjailed, OrderError> {
        let envelope = Envelope {
            key: self.ambient().uuid().to_string(),
            order: MachineOrder::Unjail { address }.into(),
            principal: permit.principal().audit_name(),
            by: permit.principal().display_name(),
            decision: permit.decision(),
            deadline: PATIENCE,
        };
        let asked = self.gateway().order(node.id(), envelope).await;
        let outcome = match asked.map_err(|error| OrderError::from_gateway(node.name(), error))? {
            OrderOutcome::Done { .. } => Outcome::Done,
            OrderOutcome::AlreadySo { .. } => Outcome::AlreadySo,
            OrderOutcome::Refused { code, why } => return Err(OrderError::RefusedByNode { code, why }),
            OrderOutcome::GoesDown { .. } => {
                let why = "it answered an order about its bans as if it were about its power".to_owned();
                return Err(OrderError::Failed(why));
            }
        };
        Ok(Unjailed { outcome })
    }

    fn own(&self) -> Result<Arc<Node>, OrderError> {
        let node = self.local_node().ok_or(OrderError::NoSuchNode)?;
        OrderError::unless_admitted(&node)?;
        Ok(node)
    }
}
