//! fleet has nodes certified by trust.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_fleet::nodes::Generation;
use watchroom_fleet::{Authority, AuthorityError, Certified, ProvenNode, RequestedKey};
use watchroom_kit::{Ambient, Fault, FaultKind};
use watchroom_model::NodeId;
use watchroom_trust::{
    CertificateDer, ClusterCa, Fingerprint, IssueError, Issued, NodeRequest, SealedCa, SixWords, is_signed_by,
};

/// The cluster CA as the fleet knows it.
pub struct CaAuthority {
    /// The CA.
    pub ca: Arc<ClusterCa>,
    /// Time and chance.
    pub ambient: Ambient,
}

impl std::fmt::Debug for CaAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaAuthority")
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

impl Authority for CaAuthority {
    fn cluster(&self) -> Uuid {
        self.ca.cluster_id().as_uuid()
    }

    fn ca(&self) -> Vec<u8> {
        self.ca.certificate().to_vec()
    }

    fn pin(&self) -> [u8; 32] {
        *self.ca.fingerprint().as_bytes()
    }

    fn retires_at(&self) -> Option<OffsetDateTime> {
        self.ca.retires_at()
    }

    fn successor(&self) -> Result<Generation, AuthorityError> {
        let next = self.ca.successor(&self.ambient).map_err(|error| failed(&error))?;
        generation(&next).map_err(|error| failed(&error))
    }

    fn discard(&self, successor: &Generation) {
        for sealed in sealed(std::slice::from_ref(successor)).into_iter().flatten() {
            self.ca.discard(&sealed);
        }
    }

    fn adopt(&self, all: &[Generation]) -> Result<bool, AuthorityError> {
        let sealed = sealed(all).map_err(|error| failed(&error))?;
        self.ca.adopt(&sealed).map_err(|error| failed(&error))
    }

    fn read(&self, request: &[u8]) -> Result<RequestedKey, AuthorityError> {
        let key = NodeRequest::read(request)
            .map_err(|error| authority_error(&error))?
            .public_key();
        let fingerprint = Fingerprint::of(&key).to_string();
        Ok(RequestedKey { key, fingerprint })
    }

    fn words(&self, key: &[u8], host_nonce: &[u8], node_nonce: &[u8]) -> Vec<String> {
        let words = SixWords::of(&self.ca.fingerprint(), key, host_nonce, node_nonce);
        words.words().iter().map(|word| (*word).to_owned()).collect()
    }

    fn certify(&self, node: NodeId, request: &[u8]) -> Result<Certified, AuthorityError> {
        let issued = self.ca.issue_node_leaf(node.as_uuid(), request, &self.ambient);
        issued
            .map(|issued| certified(&issued))
            .map_err(|error| authority_error(&error))
    }

    fn renew(&self, node: NodeId, key: &str, request: &[u8]) -> Result<Certified, AuthorityError> {
        let key = key.parse::<Fingerprint>().map_err(|error| failed(&error))?;
        let issued = self
            .ca
            .renew_node_leaf(node.as_uuid(), key, request, &self.ambient);
        issued
            .map(|issued| certified(&issued))
            .map_err(|error| authority_error(&error))
    }

    fn prove(&self, shown: &[&[u8]]) -> Result<ProvenNode, String> {
        let shown: Vec<_> = shown.iter().map(|one| CertificateDer::from(*one)).collect();
        let peer = self.ca.prove(&shown, self.ambient.now());
        let peer = peer.map_err(|error| error.to_string())?;
        Ok(ProvenNode {
            node: NodeId::from(peer.node),
            key: peer.key.to_string(),
            expired_at: peer.expired_at,
        })
    }

    fn fingerprint(&self, key: &[u8]) -> String {
        Fingerprint::of(key).to_string()
    }

    fn is_signed_by(&self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        is_signed_by(key, message, signature)
    }
}

/// A CA as the database keeps it.
pub(crate) fn generation(sealed: &SealedCa) -> Result<Generation, serde_json::Error> {
    Ok(Generation {
        fingerprint: sealed
            .fingerprint()
            .map(|print| print.to_string())
            .unwrap_or_default(),
        replaces: sealed.replaces.map(|print| print.to_string()),
        sealed: serde_json::to_string(sealed)?,
    })
}

/// The CAs that the database keeps.
pub(crate) fn sealed(all: &[Generation]) -> Result<Vec<SealedCa>, serde_json::Error> {
    all.iter().map(|one| serde_json::from_str(&one.sealed)).collect()
}

fn certified(issued: &Issued) -> Certified {
    Certified {
        chain: issued.chain.iter().map(|one| one.to_vec()).collect(),
        not_after: issued.not_after,
    }
}

fn failed(error: &impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Failed(error.to_string())
}

fn authority_error(error: &IssueError) -> AuthorityError {
    match error.kind() {
        FaultKind::Invalid => AuthorityError::BadRequest(error.public()),
        _ => AuthorityError::Failed(error.to_string()),
    }
}
