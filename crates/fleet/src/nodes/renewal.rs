//! Another certificate for a node, by the CA that signs now: each is written down before it is handed over.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::NodeId;
use watchroom_policy::act;
use watchroom_store::{Changed, StoreError};

use super::links::{is_counted, put};
use super::{Node, entity};
use crate::fleet::micros;
use crate::{AuthorityError, Certified, Fleet};

/// What a node proves itself with from now on.
#[derive(Debug)]
pub struct RenewedPapers {
    /// Its certificate.
    pub certified: Certified,
    /// The cluster token that goes with it, takes the place of the one before and ends with the certificate.
    pub token: SecretString,
}

/// Why a node has no other certificate.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RenewalError {
    /// Nobody on the roll has this id.
    #[error("the node has been struck from the roll")]
    Unknown,
    /// There is none for this request.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// It could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fleet {
    /// Certifies a node anew that has proven itself by the key with this fingerprint; `expired_at` is when its
    /// certificate had ended, if it had.
    ///
    /// It is by the CA that signs in the database, even if this Host has not heard yet of a rotation: the node may have
    /// been told by another one, and would be sent back to a CA that is about to retire.
    ///
    /// # Errors
    /// [`RenewalError`]; nothing is to be handed over then.
    pub async fn renew(
        &self,
        id: NodeId,
        key: &str,
        request: &[u8],
        expired_at: Option<OffsetDateTime>,
    ) -> Result<RenewedPapers, RenewalError> {
        let node = self.known_node(id).ok_or(RenewalError::Unknown)?;
        self.take_up_authorities().await??;
        let certified = self.authority().renew(id, key, request)?;
        let token = SecretString::from(format!("wr_node_{}", self.ambient().entropy.token()));
        self.keep_renewal(&node, &certified, &token, expired_at).await?;
        Ok(RenewedPapers { certified, token })
    }

    /// Writes down that a node is given another certificate. Of the token only its hash is kept.
    async fn keep_renewal(
        &self,
        node: &Node,
        certified: &Certified,
        token: &SecretString,
        expired_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let (id, ends) = (node.id(), micros(certified.not_after));
        // The chain ends with the CA that signed.
        let signed_by = certified.chain.last().map(|ca| self.authority().fingerprint(ca));
        let hash = blake3::hash(token.expose_secret().as_bytes())
            .to_hex()
            .to_string();
        let counts = expired_at.is_some_and(|at| is_counted(at, self.ambient().now(), self.away()));
        let returns = node.live().kept.returns.saturating_add(u32::from(counts));
        let by = signed_by.clone();
        self.store()
            .write(&self.house::<act::RenewCertificate>(node), async move |tx| {
                let by = by.clone();
                tx.note("authority", by.clone());
                put(tx, id, move |row| {
                    row.authority = Set(by);
                    row.returns = Set(returns.into());
                })
                .await?;
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::CertificateExpiresAt, Expr::value(ends))
                    .col_expr(entity::Column::TokenHash, Expr::value(hash.clone()))
                    .col_expr(entity::Column::TokenExpiresAt, Expr::value(ends))
                    .filter(entity::Column::Id.eq(id.to_string()));
                tx.update(update).await?;
                if let Some(expired_at) = expired_at {
                    tx.note("expired_at", expired_at.to_string());
                    tx.note("returns", returns);
                }
                tx.changed(Changed::Node(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        {
            let mut live = node.live();
            live.kept.authority = signed_by;
            live.kept.returns = returns;
        }
        self.reload_node(id).await
    }
}
