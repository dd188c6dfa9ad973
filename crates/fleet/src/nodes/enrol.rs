//! Enrolling the Host's own node, which needs no approval: who starts the Host owns its machine.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use watchroom_model::{NodeId, NodeName};
use watchroom_policy::{Permit, act};
use watchroom_store::{Changed, StoreError};

use super::{Standing, entity};
use crate::Fleet;
use crate::fleet::micros;

/// What is known of the Host's own node when it starts.
#[derive(Clone, Debug)]
pub struct LocalNode {
    /// Its id, kept in the state folder with its key.
    pub id: NodeId,
    /// Its name, usually the machine's.
    pub name: NodeName,
    /// The version of its agent.
    pub version: String,
    /// When its certificate expires.
    pub certificate_expires_at: OffsetDateTime,
}

impl Fleet {
    /// Puts the Host's own node on the roll, or brings its record up to date.
    ///
    /// # Errors
    /// [`StoreError`] if the record cannot be kept.
    pub async fn enrol_local(&self, node: LocalNode) -> Result<(), StoreError> {
        let id = node.id;
        // A renewal says it again.
        let _ = self.own_node().set(id);
        let permit = Permit::of_house(
            &watchroom_policy::Resource::node(id, Default::default()),
            self.decision(),
        );
        let expires = micros(node.certificate_expires_at);
        if self.known_node(id).is_some() {
            self.store()
                .write(&permit, async move |tx| {
                    let update = entity::Entity::update_many()
                        .col_expr(entity::Column::Version, Expr::value(node.version.clone()))
                        .col_expr(entity::Column::CertificateExpiresAt, Expr::value(expires))
                        .filter(entity::Column::Id.eq(id.to_string()));
                    tx.update(update).await?;
                    tx.note("what", "renewed the certificate of the local node");
                    tx.changed(Changed::Node(id));
                    Ok::<_, StoreError>(())
                })
                .await?;
        } else {
            self.insert_local(&permit, node, expires).await?;
        }
        self.reload_node(id).await
    }

    async fn insert_local(
        &self,
        permit: &Permit<act::KeepHouse>,
        node: LocalNode,
        expires: i64,
    ) -> Result<(), StoreError> {
        let now = self.ambient().clock.now_micros();
        self.store()
            .write(permit, async move |tx| {
                tx.insert(entity::ActiveModel {
                    id: Set(node.id.to_string()),
                    name: Set(node.name.to_string()),
                    address: Set("127.0.0.1".to_owned()),
                    port: Set(0),
                    version: Set(node.version.clone()),
                    is_local: Set(true),
                    status: Set(Standing::Approved.word().to_owned()),
                    labels: Set("{}".to_owned()),
                    last_ping: Set(None),
                    certificate_expires_at: Set(Some(expires)),
                    created_at: Set(now),
                    key_fingerprint: Set(None),
                    token_hash: Set(None),
                    token_expires_at: Set(None),
                    revoked_why: Set(None),
                })
                .await?;
                tx.note("what", "enrolled the local node");
                tx.changed(Changed::Node(node.id));
                Ok(())
            })
            .await
    }
}
