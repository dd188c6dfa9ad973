//! What the hub asks of the Host around it: who is let in, and what they are given.

use async_trait::async_trait;
use watchroom_model::NodeId;
use watchroom_trust::CertificateDer;

use super::{Arrival, Passage};
use crate::{ConnectFault, FreshPapers, NodeHello};

/// The roll of nodes, as the hub needs it. Several Hosts of one cluster answer alike.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// Admits a node that TLS has proven, or says by name why not; it is told, and the connection closed. One
    /// whose certificate has expired ([`Arrival::expired_at`]) is admitted to renew it and for nothing else.
    async fn admit(&self, arrival: &Arrival, hello: &NodeHello) -> Result<(), ConnectFault>;

    /// The newest passage of a node that any Host has let in; `None` before the first.
    fn newest(&self, node: NodeId) -> Option<Passage>;

    /// Keeps the newest passage. Another agent than the last is known to every Host, durably, before this
    /// returns; only then is it let in.
    async fn keep(&self, node: NodeId, passage: Passage) -> Result<(), ConnectFault>;

    /// Turns a node away, whoever comes with its key, until a person decides.
    async fn fence(&self, node: NodeId, why: &str);

    /// Certifies the key of a node anew, from its request (PKCS#10 in DER).
    ///
    /// # Errors
    /// Why not, for the log; the node asks again.
    async fn certify(&self, arrival: &Arrival, request: &[u8]) -> Result<FreshPapers, String>;

    /// Every CA that nodes have to trust now, the one that signs first.
    fn anchors(&self) -> Vec<CertificateDer<'static>>;
}
