//! A person decides, or the invitation has decided.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use watchroom_model::join::JoinStatus;
use watchroom_model::{JoinRequestId, NodeId, Reason};
use watchroom_policy::{Change, Permit, Resource, act};
use watchroom_store::{Changed, StoreError, WriteTx};

use super::list::{JoinRequestView, status, view, word};
use super::{JoinError, request_entity as entity};
use crate::idempotency::Begun;
use crate::nodes::{Standing, entity as node_entity, links};
use crate::servers::Outcome;
use crate::{Fleet, FleetEvent, IdempotencyKey};

/// What came of a decision, with the request as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// Whether there was anything to decide.
    pub outcome: Outcome,
    /// The request after it.
    pub request: JoinRequestView,
}

impl Fleet {
    /// Lets a machine in. `words_match` is what the person says of the six words.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn approve_join(
        &self,
        permit: &Permit<act::ApproveJoin>,
        words_match: bool,
        key: Option<IdempotencyKey>,
    ) -> Result<Decided, JoinError> {
        if !words_match {
            return Err(JoinError::WordsNotConfirmed);
        }
        self.admit(permit, permit.principal().display_name(), key).await
    }

    /// Lets a machine in because its invitation says so.
    pub(super) async fn admit_by_token(&self, id: JoinRequestId) -> Result<(), JoinError> {
        let permit = Permit::<act::AdmitByToken>::of_house(&Resource::join_request(id), self.decision());
        match self.admit(&permit, "join token".to_owned(), None).await {
            Ok(_) => Ok(()),
            // It stays pending, and a person sees both.
            Err(JoinError::NameTaken(name)) => {
                tracing::warn!(%name, "a join token could not let a machine in: its name was taken meanwhile");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn admit<A: Change>(
        &self,
        permit: &Permit<A>,
        by: String,
        key: Option<IdempotencyKey>,
    ) -> Result<Decided, JoinError> {
        let id = permit.resource().id().ok_or(JoinError::NotFound)?.to_owned();
        let now = self.ambient().clock.now_micros();
        let fresh = NodeId::mint(self.ambient());
        let decided = self
            .store()
            .write(permit, async move |tx| {
                if let Some(before) = begun(tx, key.as_ref(), now).await? {
                    return Ok(before);
                }
                let row = tx.one(entity::Entity::find_by_id(id.clone())).await?;
                let mut row = row.ok_or(JoinError::NotFound)?;
                let outcome = match status(&row, now)? {
                    JoinStatus::Pending => {
                        let node = enrol(tx, &row, fresh, now).await?;
                        row.status = word(JoinStatus::Approved);
                        row.node = Some(node.to_string());
                        row.decided_by = Some(by.clone());
                        row.decided_at = Some(now);
                        tx.update(decision(&row)).await?;
                        tx.note("node", node.to_string());
                        tx.note(
                            "after",
                            json!({ "name": row.name, "fingerprint": row.key_fingerprint }),
                        );
                        tx.changed(Changed::Node(node));
                        Outcome::Done
                    }
                    JoinStatus::Approved => Outcome::AlreadySo,
                    other => return Err(JoinError::Decided(other)),
                };
                tx.note("outcome", crate::servers::word(&outcome));
                answered(tx, key.as_ref(), outcome, row, now).await
            })
            .await?;
        if let Some(node) = decided.request.node {
            self.reload_node(node).await?;
        }
        self.tell(FleetEvent::JoinRequests);
        Ok(decided)
    }

    /// Turns a machine away, with a reason that it is told.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn reject_join(
        &self,
        permit: &Permit<act::RejectJoin>,
        reason: &str,
        key: Option<IdempotencyKey>,
    ) -> Result<Decided, JoinError> {
        let reason = reason.trim().parse::<Reason>().map_err(|error| {
            JoinError::invalid(
                "reason",
                error.code,
                "a reason of 1 to 500 characters on one line; the machine shows it",
            )
        })?;
        let reason = reason.to_string();
        let id = permit.resource().id().ok_or(JoinError::NotFound)?.to_owned();
        let now = self.ambient().clock.now_micros();
        let by = permit.principal().display_name();
        let decided = self
            .store()
            .write(permit, async move |tx| {
                if let Some(before) = begun(tx, key.as_ref(), now).await? {
                    return Ok(before);
                }
                let row = tx.one(entity::Entity::find_by_id(id.clone())).await?;
                let mut row = row.ok_or(JoinError::NotFound)?;
                let outcome = match status(&row, now)? {
                    JoinStatus::Pending => {
                        row.status = word(JoinStatus::Rejected);
                        row.reason = Some(reason.clone());
                        row.decided_by = Some(by.clone());
                        row.decided_at = Some(now);
                        tx.update(decision(&row)).await?;
                        Outcome::Done
                    }
                    JoinStatus::Rejected => Outcome::AlreadySo,
                    other => return Err(JoinError::Decided(other)),
                };
                tx.note("name", row.name.clone());
                tx.note("reason", reason.clone());
                answered(tx, key.as_ref(), outcome, row, now).await
            })
            .await?;
        self.tell(FleetEvent::JoinRequests);
        Ok(decided)
    }
}

async fn begun(tx: &WriteTx, key: Option<&IdempotencyKey>, now: i64) -> Result<Option<Decided>, JoinError> {
    let Some(key) = key else { return Ok(None) };
    match key.begin_once(tx, now).await? {
        Begun::New => Ok(None),
        Begun::Before(answer) => Ok(Some(answer)),
        Begun::Other => Err(JoinError::KeyReused),
    }
}

async fn answered(
    tx: &WriteTx,
    key: Option<&IdempotencyKey>,
    outcome: Outcome,
    row: entity::Model,
    now: i64,
) -> Result<Decided, JoinError> {
    let decided = Decided {
        outcome,
        request: view(row, now)?,
    };
    if let Some(key) = key {
        key.answer(tx, &decided).await?;
    }
    Ok(decided)
}

fn decision(row: &entity::Model) -> sea_orm::UpdateMany<entity::Entity> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Status, Expr::value(row.status.clone()))
        .col_expr(entity::Column::Reason, Expr::value(row.reason.clone()))
        .col_expr(entity::Column::Node, Expr::value(row.node.clone()))
        .col_expr(entity::Column::DecidedBy, Expr::value(row.decided_by.clone()))
        .col_expr(entity::Column::DecidedAt, Expr::value(row.decided_at))
        .filter(entity::Column::Id.eq(row.id.clone()))
}

/// Puts the machine on the roll: in a place of its own, or in that of the node it replaces.
async fn enrol(tx: &WriteTx, row: &entity::Model, fresh: NodeId, now: i64) -> Result<NodeId, JoinError> {
    if let Some(replaced) = &row.replaces {
        let update = node_entity::Entity::update_many()
            .col_expr(
                node_entity::Column::Status,
                Expr::value(Standing::Approved.word()),
            )
            .col_expr(node_entity::Column::Address, Expr::value(row.address.clone()))
            .col_expr(node_entity::Column::Port, Expr::value(row.port))
            .col_expr(node_entity::Column::Version, Expr::value(row.version.clone()))
            .col_expr(
                node_entity::Column::KeyFingerprint,
                Expr::value(row.key_fingerprint.clone()),
            )
            .col_expr(node_entity::Column::TokenHash, Expr::value(None::<String>))
            .col_expr(node_entity::Column::TokenExpiresAt, Expr::value(None::<i64>))
            .col_expr(node_entity::Column::RevokedWhy, Expr::value(None::<String>))
            .filter(node_entity::Column::Id.eq(replaced.clone()));
        if tx.update(update).await? > 0 {
            // What is kept of the links of the machine before is not held against the one that comes.
            let before = links::entity::Column::Node.eq(replaced.clone());
            tx.delete(links::entity::Entity::delete_many().filter(before))
                .await?;
            tx.note("replaces", replaced.clone());
            return replaced
                .parse()
                .map_err(|_| StoreError::Database("a node's id cannot be read".to_owned()).into());
        }
    }
    let inserted = tx.insert(node_entity::ActiveModel {
        id: Set(fresh.to_string()),
        name: Set(row.name.clone()),
        address: Set(row.address.clone()),
        port: Set(row.port),
        version: Set(row.version.clone()),
        is_local: Set(false),
        status: Set(Standing::Approved.word().to_owned()),
        labels: Set(row.labels.clone()),
        last_ping: Set(None),
        certificate_expires_at: Set(None),
        created_at: Set(now),
        key_fingerprint: Set(Some(row.key_fingerprint.clone())),
        token_hash: Set(None),
        token_expires_at: Set(None),
        revoked_why: Set(None),
    });
    match inserted.await {
        Ok(()) => Ok(fresh),
        Err(StoreError::Taken {
            constraint: "node_name_key",
        }) => Err(row.name.parse().map_or(JoinError::NotFound, JoinError::NameTaken)),
        Err(error) => Err(error.into()),
    }
}
