//! fleet has nodes certified by trust.

use std::sync::Arc;

use uuid::Uuid;
use watchroom_fleet::{Authority, AuthorityError, Certified, RequestedKey};
use watchroom_kit::{Ambient, Fault, FaultKind};
use watchroom_model::NodeId;
use watchroom_trust::{ClusterCa, Fingerprint, IssueError, NodeRequest, SixWords, is_signed_by};

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
        let issued = issued.map_err(|error| authority_error(&error))?;
        Ok(Certified {
            chain: issued.chain.iter().map(|one| one.to_vec()).collect(),
            not_after: issued.not_after,
        })
    }

    fn fingerprint(&self, key: &[u8]) -> String {
        Fingerprint::of(key).to_string()
    }

    fn is_signed_by(&self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        is_signed_by(key, message, signature)
    }
}

fn authority_error(error: &IssueError) -> AuthorityError {
    match error.kind() {
        FaultKind::Invalid => AuthorityError::BadRequest(error.public()),
        _ => AuthorityError::Failed(error.to_string()),
    }
}
