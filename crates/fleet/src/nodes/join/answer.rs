//! What a machine learns of its own request, and its papers: handed over once.
//!
//! The certificate is made at the moment it is handed over, so that its day begins then, and only a hash of
//! the cluster token is kept: so an answer that was lost cannot be given again. A machine to which that
//! happened proves its key, and is given *new* papers, as long as its request could have been approved.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::join::{Bytes64, JoinAnswer, JoinPapers, JoinStatus, hand_over_proof};
use watchroom_model::{JoinRequestId, NodeId};
use watchroom_policy::{Permit, Resource, Target, act};
use watchroom_store::{Changed, StoreError};

use super::list::status;
use super::{JoinError, digest, is_same, request_entity as entity};
use crate::fleet::micros;
use crate::nodes::{Node, entity as node_entity};
use crate::{Certified, Fleet};

/// How far the clock of a machine that proves its key may be off.
const TOLERATED_SKEW: Duration = Duration::from_secs(300);

/// A request whose own poll secret was shown.
#[derive(Clone, Debug)]
pub struct OwnJoinRequest {
    row: entity::Model,
    id: JoinRequestId,
    status: JoinStatus,
}

impl Target for OwnJoinRequest {
    fn resource(&self) -> Resource {
        Resource::join_request(self.id)
    }
}

impl OwnJoinRequest {
    /// Whether there are papers that nobody was given yet, or that `proof` asks for again.
    #[must_use]
    pub fn has_papers(&self, proof: Option<&KeyProof>) -> bool {
        self.status == JoinStatus::Approved && (self.row.handed_over_at.is_none() || proof.is_some())
    }

    /// How it stands, without papers.
    #[must_use]
    pub fn answer(&self) -> JoinAnswer {
        JoinAnswer {
            status: self.status,
            reason: self.row.reason.clone(),
            papers: None,
        }
    }
}

/// The proof by which a machine asks for its papers again.
#[derive(Clone, Debug)]
pub struct KeyProof {
    /// When it was made, by the machine's clock.
    pub at: OffsetDateTime,
    /// The signature by the machine's key over [`hand_over_proof`].
    pub signature: Vec<u8>,
}

impl Fleet {
    /// A machine's own request.
    ///
    /// # Errors
    /// [`JoinError::NotFound`], whichever of id and secret is wrong.
    pub async fn own_join_request(
        &self,
        id: JoinRequestId,
        secret: &str,
    ) -> Result<OwnJoinRequest, JoinError> {
        let read = self.store().read().await?;
        let row = read.one(entity::Entity::find_by_id(id.to_string())).await?;
        let row = row
            .filter(|row| is_same(&row.poll_hash, secret))
            .ok_or(JoinError::NotFound)?;
        let status = status(&row, self.ambient().clock.now_micros())?;
        Ok(OwnJoinRequest { row, id, status })
    }

    /// Hands over the papers of a machine that was let in: to one answer, whoever else asks at the same moment.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn hand_over(
        &self,
        permit: &Permit<act::HandOverPapers>,
        request: &OwnJoinRequest,
        proof: Option<&KeyProof>,
    ) -> Result<JoinAnswer, JoinError> {
        let row = &request.row;
        let id: Option<NodeId> = row.node.as_ref().and_then(|id| id.parse().ok());
        let node = self.let_in(id.ok_or(JoinError::NotFound)?).await?;
        if node.admitted().is_err() || !is_its_machine(request, &node) || !self.is_due(request, proof)? {
            return Ok(request.answer());
        }
        let csr = BASE64
            .decode(row.certificate_request.as_bytes())
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let id = node.id();
        let certified = self.authority().certify(id, &csr)?;
        let token = SecretString::from(format!("wr_node_{}", self.ambient().entropy.token()));
        if !self
            .commit_papers(permit, request, node.id(), &certified, &token)
            .await?
        {
            return Ok(request.answer());
        }
        self.reload_node(node.id()).await?;
        Ok(JoinAnswer {
            papers: Some(JoinPapers {
                node: node.id(),
                name: node.name(),
                cluster: self.authority().cluster(),
                chain: certified.chain.into_iter().map(Bytes64).collect(),
                not_after: certified.not_after,
                token,
                token_expires_at: certified.not_after,
                addresses: self.addresses().to_vec(),
            }),
            ..request.answer()
        })
    }

    /// The node that a request became. Its row is read where this Host does not hold it yet: a machine may ask in the
    /// very moment between the decision's commit and its arrival in memory, or ask another Host.
    async fn let_in(&self, id: NodeId) -> Result<Arc<Node>, JoinError> {
        if self.known_node(id).is_none() {
            self.reload_node(id).await?;
        }
        self.known_node(id).ok_or(JoinError::NotFound)
    }

    /// Whether papers may be made now: for the first time, or by a fresh proof of the key while the request lasts.
    /// Whoever repeats somebody's proof gains nothing: papers are of no use without the key.
    fn is_due(&self, request: &OwnJoinRequest, proof: Option<&KeyProof>) -> Result<bool, JoinError> {
        let row = &request.row;
        if row.handed_over_at.is_none() {
            return Ok(true);
        }
        let Some(proof) = proof else { return Ok(false) };
        let now = self.ambient().now();
        let is_timely = (now - proof.at).abs() <= TOLERATED_SKEW && micros(now) < row.expires_at;
        let csr = BASE64
            .decode(row.certificate_request.as_bytes())
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let key = self.authority().read(&csr)?.key;
        let message = hand_over_proof(request.id, proof.at);
        let is_good = self.authority().is_signed_by(&key, &message, &proof.signature);
        Ok(is_timely && is_good)
    }

    async fn commit_papers(
        &self,
        permit: &Permit<act::HandOverPapers>,
        request: &OwnJoinRequest,
        node: NodeId,
        certified: &Certified,
        token: &SecretString,
    ) -> Result<bool, JoinError> {
        let now = self.ambient().clock.now_micros();
        let (id, before) = (request.row.id.clone(), request.row.handed_over_at);
        let (hash, until) = (digest(token.expose_secret()), micros(certified.not_after));
        let key = request.row.key_fingerprint.clone();
        let committed = self
            .store()
            .write(permit, async move |tx| {
                let untouched = match before {
                    None => entity::Column::HandedOverAt.is_null(),
                    Some(at) => entity::Column::HandedOverAt.eq(at),
                };
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::HandedOverAt, Expr::value(now))
                    .filter(entity::Column::Id.eq(id.clone()))
                    .filter(untouched);
                if tx.update(update).await? == 0 {
                    // Nothing was done, so nothing is written down: asking buys nobody an entry.
                    return Err(NotHandedOver::Elsewhere);
                }
                let update = node_entity::Entity::update_many()
                    .col_expr(node_entity::Column::TokenHash, Expr::value(hash.clone()))
                    .col_expr(node_entity::Column::TokenExpiresAt, Expr::value(until))
                    .col_expr(node_entity::Column::CertificateExpiresAt, Expr::value(until))
                    .filter(node_entity::Column::Id.eq(node.to_string()))
                    .filter(node_entity::Column::KeyFingerprint.eq(key.clone()));
                if tx.update(update).await? == 0 {
                    return Err(NotHandedOver::Elsewhere);
                }
                tx.note("node", node.to_string());
                tx.note("is_repeated", before.is_some());
                tx.changed(Changed::Node(node));
                Ok(())
            })
            .await;
        match committed {
            Ok(()) => Ok(true),
            Err(NotHandedOver::Elsewhere) => Ok(false),
            Err(NotHandedOver::Store(error)) => Err(error.into()),
        }
    }
}

/// Whether the node is still the machine that asked: the place of one that was replaced is another's, and so are its
/// papers.
fn is_its_machine(request: &OwnJoinRequest, node: &Node) -> bool {
    node.key_fingerprint().as_ref() == Some(&request.row.key_fingerprint)
}

/// Why papers were not committed.
enum NotHandedOver {
    /// Another answer has them, or another machine the node's place.
    Elsewhere,
    /// The store did not take it.
    Store(StoreError),
}

impl From<StoreError> for NotHandedOver {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
