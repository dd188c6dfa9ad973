//! Restarting a machine and shutting it down: intent committed, node asked until it answers, outcome committed.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use watchroom_kit::Fault;
use watchroom_model::{Envelope, MachineOrder, NodeId, OperationId, OrderOutcome, ServerName, without_doer};
use watchroom_policy::{Change, Permit, act};
use watchroom_store::{Changed, StoreError};

use super::{KEPT_US, OperationKind, OperationState, OperationView, entity};
use crate::idempotency::Begun;
use crate::servers::{OrderError, Server, word};
use crate::{Fleet, FleetEvent, GatewayError, IdempotencyKey, Node};

/// What a machine needs beyond the patience of its servers: to be told, and to answer.
const MARGIN: Duration = Duration::from_secs(90);
/// What a server may need beyond its own patience until it is killed.
const PER_SERVER: Duration = Duration::from_secs(5);
/// The longest that a machine may take to go down, however patient its servers are.
const LONGEST: Duration = Duration::from_secs(900);
/// How long whoever orders it waits for an end that comes at once, such as a refusal.
const AT_ONCE: Duration = Duration::from_secs(2);
/// When a node whose link was lost in the middle is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// How it ended: the state, and what became of it in words.
type Ending = Result<(OperationState, String), OrderError>;

impl Fleet {
    /// Restarts the machine of the node that the permit was given for: its servers are stopped in order, and run
    /// again when it is back. What ends at once, as a refusal does, is the answer; otherwise it is under way.
    ///
    /// # Errors
    /// [`OrderError`] if the node is away, refuses or is kept out.
    pub async fn restart_node(
        &self,
        permit: Permit<act::RestartNode>,
        key: Option<IdempotencyKey>,
    ) -> Result<OperationView, OrderError> {
        self.go_down(permit, OperationKind::RestartNode, key).await
    }

    /// Shuts the machine down, in the same way. Somebody must switch it on again.
    ///
    /// # Errors
    /// As [`Fleet::restart_node`].
    pub async fn shut_down_node(
        &self,
        permit: Permit<act::ShutDownNode>,
        key: Option<IdempotencyKey>,
    ) -> Result<OperationView, OrderError> {
        self.go_down(permit, OperationKind::ShutDownNode, key).await
    }

    async fn go_down<A: Change>(
        &self,
        permit: Permit<A>,
        kind: OperationKind,
        key: Option<IdempotencyKey>,
    ) -> Result<OperationView, OrderError> {
        let node = permit.resource().on_node().and_then(|id| self.known_node(id));
        let node = node.ok_or(OrderError::NoSuchNode)?;
        OrderError::unless_admitted(&node)?;
        let running = self.running_on(node.id());
        let patience = patience(&running);
        let (id, is_new) = self
            .commit_begin(&permit, kind, &running, patience, key.clone())
            .await?;
        self.tell(FleetEvent::Node(node.id()));
        let (settled, settles) = oneshot::channel();
        if is_new {
            let fleet = self.clone();
            self.ambient().tasks.spawn("operation", async move {
                let ending = fleet.ask_machine(&permit, kind, id, &node, patience).await;
                let kept = fleet.commit_end(&permit, id, &ending, key).await;
                if let Err(error) = &kept {
                    tracing::error!(operation.id = %id, %error, "the end of an operation could not be kept");
                }
                fleet.tell(FleetEvent::Node(node.id()));
                // Whoever ordered it may have gone.
                drop(settled.send(kept.map_err(OrderError::from).and(ending.map(drop))));
            });
            if let Ok(Ok(settled)) = timeout(AT_ONCE, settles).await {
                settled?;
            }
        }
        self.operation(id).await?.ok_or(OrderError::NoSuchOperation)
    }

    /// The servers of a node that have a process, as it last said.
    fn running_on(&self, node: NodeId) -> Vec<Arc<Server>> {
        let servers = self.known_servers();
        let theirs = servers.values().filter(|server| server.node().id() == node);
        theirs
            .filter(|server| server.report().pid.is_some())
            .cloned()
            .collect()
    }

    /// Writes the intent down, or finds the operation that the same key began before.
    async fn commit_begin<A: Change>(
        &self,
        permit: &Permit<A>,
        kind: OperationKind,
        running: &[Arc<Server>],
        patience: Duration,
        key: Option<IdempotencyKey>,
    ) -> Result<(OperationId, bool), OrderError> {
        let now = self.ambient().clock.now_micros();
        let id = OperationId::mint(self.ambient());
        let servers: Vec<_> = running.iter().map(|server| server.id()).collect();
        let names: Vec<_> = running
            .iter()
            .map(|server| server.spec().name.to_string())
            .collect();
        let node = permit.resource().on_node().ok_or(OrderError::NoSuchNode)?;
        let row = entity::Model {
            id: id.to_string(),
            kind: word(&kind),
            node: node.to_string(),
            ordered_by: permit.principal().display_name(),
            state: word(&OperationState::Underway),
            outcome: String::new(),
            servers: json!(servers).to_string(),
            begun_at: now,
            expires_at: now + i64::try_from(patience.as_micros()).unwrap_or(i64::MAX / 2),
            ended_at: None,
        };
        self.store()
            .write(permit, async move |tx| {
                if let Some(key) = &key {
                    match key.begin_once::<OperationId>(tx, now).await? {
                        Begun::New => key.answer(tx, &id).await?,
                        Begun::Before(id) => return Ok((id, false)),
                        Begun::Other => return Err(OrderError::KeyReused),
                    }
                }
                let old = entity::Column::BegunAt.lt(now - KEPT_US);
                tx.delete(entity::Entity::delete_many().filter(old)).await?;
                tx.insert(new_row(row.clone())).await?;
                tx.note("phase", "intent");
                tx.note("operation", id.to_string());
                tx.note("servers", json!(names));
                tx.changed(Changed::Node(node));
                Ok((id, true))
            })
            .await
    }

    /// Asks the node, again over its next link if one is lost: it does an order once per key.
    async fn ask_machine<A: Change>(
        &self,
        permit: &Permit<A>,
        kind: OperationKind,
        id: OperationId,
        node: &Node,
        patience: Duration,
    ) -> Ending {
        let order = match kind {
            OperationKind::RestartNode => MachineOrder::Restart,
            OperationKind::ShutDownNode => MachineOrder::ShutDown,
        };
        let until = self.ambient().clock.elapsed() + patience;
        let mut was_sent = false;
        loop {
            let left = until.saturating_sub(self.ambient().clock.elapsed());
            let envelope = Envelope {
                key: format!("operation/{id}"),
                order: order.into(),
                principal: permit.principal().audit_name(),
                by: permit.principal().display_name(),
                decision: permit.decision(),
                deadline: left,
            };
            let error = match self.gateway().order(node.id(), envelope).await {
                Ok(outcome) => return ending(kind, outcome),
                Err(error) => error,
            };
            let is_lost = match &error {
                GatewayError::NotConnected { .. } => was_sent,
                GatewayError::Refused { .. } => false,
                GatewayError::TimedOut { may_still_happen } => *may_still_happen,
                GatewayError::Failed(_) => true,
            };
            if !is_lost || left <= AGAIN {
                return Err(OrderError::from_gateway(node.name(), error));
            }
            was_sent = true;
            sleep(AGAIN).await;
        }
    }

    async fn commit_end<A: Change>(
        &self,
        permit: &Permit<A>,
        id: OperationId,
        ending: &Ending,
        key: Option<IdempotencyKey>,
    ) -> Result<(), StoreError> {
        let now = self.ambient().clock.now_micros();
        let (state, outcome) = match ending {
            Ok(ending) => ending.clone(),
            Err(error) => (unsettled(error), error.public()),
        };
        let node = permit.resource().on_node();
        self.store()
            .write(permit, async move |tx| {
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::State, Expr::value(word(&state)))
                    .col_expr(entity::Column::Outcome, Expr::value(outcome.clone()))
                    .col_expr(entity::Column::EndedAt, Expr::value(Some(now)))
                    .filter(entity::Column::Id.eq(id.to_string()));
                tx.update(update).await?;
                tx.note("phase", "outcome");
                tx.note("operation", id.to_string());
                tx.note("outcome", without_doer(&outcome));
                if state == OperationState::Failed {
                    tx.note_failure();
                    if let Some(key) = &key {
                        key.forget(tx).await?;
                    }
                }
                if let Some(node) = node {
                    tx.changed(Changed::Node(node));
                }
                Ok(())
            })
            .await
    }
}

fn new_row(row: entity::Model) -> entity::ActiveModel {
    entity::ActiveModel {
        id: Set(row.id),
        kind: Set(row.kind),
        node: Set(row.node),
        ordered_by: Set(row.ordered_by),
        state: Set(row.state),
        outcome: Set(row.outcome),
        servers: Set(row.servers),
        begun_at: Set(row.begun_at),
        expires_at: Set(row.expires_at),
        ended_at: Set(row.ended_at),
    }
}

/// Whether it is known that nothing came of it.
fn unsettled(error: &OrderError) -> OperationState {
    match error {
        OrderError::Failed(_)
        | OrderError::TimedOut {
            may_still_happen: true,
        } => OperationState::Unknown,
        _ => OperationState::Failed,
    }
}

/// How long the machine may take: its servers are stopped one after the other.
fn patience(running: &[Arc<Server>]) -> Duration {
    let servers = running
        .iter()
        .map(|server| Duration::from_secs(server.spec().stop.patience_s.into()) + PER_SERVER);
    (MARGIN + servers.sum::<Duration>()).min(LONGEST)
}

fn ending(kind: OperationKind, outcome: OrderOutcome) -> Ending {
    let told = match kind {
        OperationKind::RestartNode => "the machine was told to restart",
        OperationKind::ShutDownNode => "the machine was told to shut down",
    };
    match outcome {
        OrderOutcome::GoesDown { stopped, left } => {
            let sentence = format!("{}; {told}", stopped_first(&stopped, &left));
            Ok((OperationState::Done, sentence))
        }
        OrderOutcome::Done { .. } | OrderOutcome::AlreadySo { .. } => {
            Ok((OperationState::Done, told.to_owned()))
        }
        OrderOutcome::Refused { code, why } if code == "called_off" => Ok((OperationState::CalledOff, why)),
        OrderOutcome::Refused { code, why } => Err(OrderError::RefusedByNode { code, why }),
    }
}

fn stopped_first(stopped: &[ServerName], left: &[ServerName]) -> String {
    let names = |names: &[ServerName]| {
        names
            .iter()
            .map(ServerName::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let first = match stopped {
        [] => "no server had to be stopped".to_owned(),
        stopped => format!("stopped first: {}", names(stopped)),
    };
    match left {
        [] => first,
        left => format!(
            "{first}; still running, and ended with the machine: {}",
            names(left)
        ),
    }
}
