//! Revoking a node, and striking it from the roll.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use utoipa::ToSchema;
use watchroom_model::Reason;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use super::join::JoinError;
use super::{Node, NodeView, Standing, entity};
use crate::Fleet;
use crate::servers::{Outcome, entity as server_entity};

/// What came of a revocation, with the node as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Revoked {
    /// Whether it was to be done.
    pub outcome: Outcome,
    /// The node after it.
    pub node: NodeView,
}

impl Fleet {
    /// Revokes the node that the permit was given for: its link is cut, its certificate and token open nothing,
    /// and it stays listed until it is purged. What it runs goes on running there.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn revoke_node(
        &self,
        permit: &Permit<act::RevokeNode>,
        why: Option<String>,
    ) -> Result<Revoked, JoinError> {
        let node = permit.resource().on_node().and_then(|id| self.known_node(id));
        let node = node.ok_or(JoinError::NotFound)?;
        if node.is_local() {
            return Err(JoinError::OwnNode);
        }
        let why = why.filter(|why| !why.trim().is_empty());
        let why = why.map(|why| why.trim().parse::<Reason>()).transpose();
        let why = why
            .map_err(|error| JoinError::invalid("reason", error.code, error.rule))?
            .map(|why| why.to_string());
        let id = node.id();
        let outcome = self
            .store()
            .write(permit, async move |tx| {
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::Status, Expr::value(Standing::Revoked.word()))
                    .col_expr(entity::Column::TokenHash, Expr::value(None::<String>))
                    .col_expr(entity::Column::TokenExpiresAt, Expr::value(None::<i64>))
                    .col_expr(entity::Column::RevokedWhy, Expr::value(why.clone()))
                    .filter(entity::Column::Id.eq(id.to_string()))
                    .filter(entity::Column::Status.ne(Standing::Revoked.word()));
                let outcome = match tx.update(update).await? {
                    0 => Outcome::AlreadySo,
                    _ => Outcome::Done,
                };
                tx.note("outcome", crate::servers::word(&outcome));
                if let Some(why) = &why {
                    tx.note("reason", why.clone());
                }
                tx.changed(Changed::Node(id));
                Ok::<_, StoreError>(outcome)
            })
            .await?;
        self.reload_node(id).await?;
        Ok(Revoked {
            outcome,
            node: self.view_node(&node),
        })
    }

    /// Strikes a revoked node from the roll, and with it the record of its servers. Nothing is told to the
    /// machine: it is no part of the cluster any more.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn purge_node(&self, permit: &Permit<act::PurgeNode>) -> Result<(), JoinError> {
        let node = permit.resource().on_node().and_then(|id| self.known_node(id));
        let node = node.ok_or(JoinError::NotFound)?;
        let (id, name) = (node.id(), node.name());
        let servers = self.servers_on(&node);
        let count = servers.len();
        self.store()
            .write(permit, async move |tx| {
                let row = tx.one(entity::Entity::find_by_id(id.to_string())).await?;
                let row = row.ok_or(JoinError::NotFound)?;
                if row.status != Standing::Revoked.word() {
                    return Err(JoinError::NotRevoked);
                }
                let theirs = server_entity::Column::NodeId.eq(id.to_string());
                tx.delete(server_entity::Entity::delete_many().filter(theirs))
                    .await?;
                let it = entity::Column::Id.eq(id.to_string());
                tx.delete(entity::Entity::delete_many().filter(it)).await?;
                tx.note("name", name.to_string());
                tx.note("servers", count);
                tx.changed(Changed::Node(id));
                Ok(())
            })
            .await?;
        for server in servers {
            self.reload_server(server).await?;
        }
        self.reload_node(id).await?;
        Ok(())
    }

    fn servers_on(&self, node: &Node) -> Vec<watchroom_model::ServerId> {
        let servers = self.known_servers();
        let theirs = servers.values().filter(|server| server.node().id() == node.id());
        theirs.map(|server| server.id()).collect()
    }
}
