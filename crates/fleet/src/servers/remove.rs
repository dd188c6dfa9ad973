//! Removing a server: its node ends and forgets it, then its record goes. Its folder stays on the node.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use watchroom_model::ServerOrder;
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use super::entity;
use crate::Fleet;
use crate::servers::OrderError;

impl Fleet {
    /// Removes a server, stopping it first if it runs.
    ///
    /// # Errors
    /// [`OrderError`] if its node is away, refuses or does not answer; then it is still there.
    pub async fn remove(&self, permit: &Permit<act::RemoveServer>) -> Result<(), OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        let server = self.known_server(id).ok_or(OrderError::NoSuchServer)?;
        OrderError::unless_admitted(&server.node)?;
        let (name, node) = (server.spec.name.clone(), server.node.id());
        self.store()
            .write(permit, async move |tx| {
                tx.note("phase", "intent");
                tx.note("before", json!({ "name": name, "node": node }));
                Ok::<_, StoreError>(())
            })
            .await?;
        let failure = match self
            .ask_node(permit, &server, ServerOrder::Remove(id), None)
            .await
        {
            // A node that does not know it (any more) has nothing left to remove.
            Ok(_) => return self.forget(permit).await,
            Err(OrderError::RefusedByNode { code, .. }) if code == "no_such_server" => {
                return self.forget(permit).await;
            }
            Err(error) => error,
        };
        self.commit_failure(permit, failure.to_string(), None).await?;
        Err(failure)
    }

    async fn forget(&self, permit: &Permit<act::RemoveServer>) -> Result<(), OrderError> {
        let id = permit.resource().server_id().ok_or(OrderError::NoSuchServer)?;
        self.store()
            .write(permit, async move |tx| {
                let row = entity::Entity::delete_many().filter(entity::Column::Id.eq(id.to_string()));
                tx.delete(row).await?;
                tx.note("phase", "outcome");
                tx.note("outcome", "done");
                tx.changed(Changed::Server(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        self.reload_server(id).await?;
        Ok(())
    }
}
