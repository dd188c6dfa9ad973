//! How every order goes: intent committed, node asked, outcome committed.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, UpdateMany};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use watchroom_model::{Desired, Envelope, OrderOutcome, ServerOrder, ServerReport, without_doer};
use watchroom_policy::{Change, Permit};
use watchroom_store::{Changed, StoreError};

use super::{Server, ServerView, entity, word};
use crate::fleet::micros;
use crate::idempotency::{NotBegun, Recalled};
use crate::servers::OrderError;
use crate::{Fleet, IdempotencyKey};

/// Longest wait for a node beyond a server's own patience to stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was so already.
    AlreadySo,
}

/// What became of an order, with the server as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acted {
    /// Whether there was anything to do.
    pub outcome: Outcome,
    /// The server after it.
    pub server: ServerView,
}

/// What a node answered: whether there was anything to do, and how the server stands, unless it was removed.
pub(super) type Answer = (Outcome, Option<ServerReport>);

/// What an order is to bring about.
pub(super) struct Plan {
    pub(super) order: ServerOrder,
    pub(super) desired: Option<Desired>,
    /// What is noted with the intent beside the act itself.
    pub(super) note: Option<(&'static str, String)>,
}

impl Fleet {
    /// Carries out an order about an existing server.
    pub(super) async fn perform<A: Change>(
        &self,
        permit: &Permit<A>,
        plan: Plan,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, OrderError> {
        let id = plan.order.server();
        let server = self.known_server(id).ok_or(OrderError::NoSuchServer)?;
        OrderError::unless_admitted(&server.node)?;
        let begun_us = loop {
            match self.recalled(key.as_ref()).await? {
                Recalled::Answer(acted) => return Ok(*acted),
                Recalled::Other => return Err(OrderError::KeyReused),
                // The node does it once, however often it is asked.
                Recalled::Begun(at) => break at,
                Recalled::Nothing => match self.commit_intent(permit, &server, &plan, key.clone()).await {
                    Ok(at) => break at,
                    // Another request with this key got there first: now it is known.
                    Err(NotBegun::Known) => {}
                    Err(NotBegun::Store(error)) => return Err(error.into()),
                },
            }
        };
        let order_key = key.as_ref().map(|key| key.order_key(begun_us));
        let answer = self.ask_node(permit, &server, plan.order, order_key).await;
        self.commit_outcome(permit, &server, answer, key).await
    }

    pub(super) async fn recalled(&self, key: Option<&IdempotencyKey>) -> Result<Recalled, StoreError> {
        match key {
            None => Ok(Recalled::Nothing),
            Some(key) => key.recall(&self.store().read().await?).await,
        }
    }

    async fn commit_intent<A: Change>(
        &self,
        permit: &Permit<A>,
        server: &Server,
        plan: &Plan,
        key: Option<IdempotencyKey>,
    ) -> Result<i64, NotBegun> {
        let now = self.ambient().clock.now_micros();
        let (id, note, desired) = (server.id(), plan.note.clone(), plan.desired);
        let before = server.report.desired;
        self.store()
            .write(permit, async move |tx| {
                if let Some(key) = &key {
                    key.begin(tx, now).await?;
                }
                tx.note("phase", "intent");
                if let Some(desired) = desired {
                    tx.note("before", json!({ "desired": before }));
                    tx.note("after", json!({ "desired": desired }));
                }
                if let Some((name, value)) = &note {
                    tx.note(name, value.clone());
                }
                tx.changed(Changed::Server(id));
                Ok(now)
            })
            .await
    }

    pub(super) async fn ask_node<A: Change>(
        &self,
        permit: &Permit<A>,
        server: &Server,
        order: ServerOrder,
        order_key: Option<String>,
    ) -> Result<Answer, OrderError> {
        let envelope = Envelope {
            key: order_key.unwrap_or_else(|| self.ambient().uuid().to_string()),
            order: order.into(),
            principal: permit.principal().audit_name(),
            by: permit.principal().display_name(),
            decision: permit.decision(),
            deadline: PATIENCE + Duration::from_secs(server.spec.stop.patience_s.into()),
        };
        let asked = self.gateway().order(server.node.id(), envelope).await;
        match asked.map_err(|error| OrderError::from_gateway(server.node.name(), error))? {
            OrderOutcome::Done { report } => Ok((Outcome::Done, report)),
            OrderOutcome::AlreadySo { report } => Ok((Outcome::AlreadySo, report)),
            OrderOutcome::Refused { code, why } => Err(OrderError::RefusedByNode { code, why }),
            OrderOutcome::GoesDown { .. } => {
                let why = "it answered an order about a server as if it were about the machine".to_owned();
                Err(OrderError::Failed(why))
            }
        }
    }

    async fn commit_outcome<A: Change>(
        &self,
        permit: &Permit<A>,
        server: &Arc<Server>,
        answer: Result<Answer, OrderError>,
        key: Option<IdempotencyKey>,
    ) -> Result<Acted, OrderError> {
        let (outcome, report) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                // While it may still happen the key stays, so that asking again is asking for the same order.
                let settled = key.filter(|_| error.is_settled());
                self.commit_failure(permit, error.to_string(), settled).await?;
                return Err(error);
            }
        };
        let acted = Acted {
            outcome,
            server: self.view_after(server, report.as_ref()),
        };
        let now = self.ambient().clock.now_micros();
        let (id, answer) = (server.id(), acted.clone());
        // The node also reports every change by itself, and may have said more since it answered: only a row
        // that nobody has touched since the order was given is brought in line with the answer.
        let untouched = entity::Column::UpdatedAt.eq(micros(server.updated_at));
        self.store()
            .write(permit, async move |tx| {
                if let Some(report) = &report {
                    tx.update(report_update(report, now).filter(untouched.clone()))
                        .await?;
                }
                if let Some(key) = &key {
                    key.answer(tx, &answer).await?;
                }
                tx.note("phase", "outcome");
                tx.note("outcome", word(&outcome));
                tx.note("status", word(&answer.server.status));
                tx.changed(Changed::Server(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        self.reload_server(id).await?;
        Ok(acted)
    }

    /// Writes down that an order had no effect as far as is known, and frees its key if one is given: the client
    /// may then use it for another order.
    pub(super) async fn commit_failure<A: Change>(
        &self,
        permit: &Permit<A>,
        why: String,
        key: Option<IdempotencyKey>,
    ) -> Result<(), StoreError> {
        self.store()
            .write(permit, async move |tx| {
                if let Some(key) = &key {
                    key.forget(tx).await?;
                }
                tx.note("phase", "outcome");
                tx.note("outcome", without_doer(&why));
                tx.note_failure();
                Ok(())
            })
            .await
    }

    fn view_after(&self, server: &Arc<Server>, report: Option<&ServerReport>) -> ServerView {
        let mut view = self.view_server(server);
        if let Some(report) = report {
            view.desired = report.desired;
            view.status = report.status;
            view.reason.clone_from(&report.reason);
            view.pid = report.pid;
            view.started_at = report.started_at;
            view.exit_code = report.exit_code;
            view.limited_by.clone_from(&report.limited_by);
        }
        view
    }
}

/// The statement that brings a server's row in line with its node's report.
pub(super) fn report_update(report: &ServerReport, now_us: i64) -> UpdateMany<entity::Entity> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Desired, Expr::value(word(&report.desired)))
        .col_expr(entity::Column::Status, Expr::value(word(&report.status)))
        .col_expr(entity::Column::Reason, Expr::value(report.reason.clone()))
        .col_expr(entity::Column::Pid, Expr::value(report.pid.map(i64::from)))
        .col_expr(
            entity::Column::StartedAt,
            Expr::value(report.started_at.map(micros)),
        )
        .col_expr(
            entity::Column::ExitCode,
            Expr::value(report.exit_code.map(i64::from)),
        )
        .col_expr(entity::Column::LimitedBy, Expr::value(report.limited_by.clone()))
        .col_expr(entity::Column::UpdatedAt, Expr::value(now_us))
        .filter(entity::Column::Id.eq(report.id.to_string()))
}
