//! link asks fleet: may this node come in, and what is it given?

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use watchroom_fleet::Fleet;
use watchroom_link::{Admission, Arrival, ConnectFault, FreshPapers, NodeHello, Passage};
use watchroom_model::NodeId;
use watchroom_store::StoreError;
use watchroom_trust::{CertificateDer, ClusterCa, Fingerprint, Issued};

/// Admits the nodes that are on the roll and approved. The fleet is given once it is open; until then
/// nobody is let in.
pub(crate) struct FleetAdmission {
    fleet: OnceLock<Fleet>,
    ca: Arc<ClusterCa>,
}

impl FleetAdmission {
    pub(crate) fn new(ca: Arc<ClusterCa>) -> Self {
        Self {
            fleet: OnceLock::new(),
            ca,
        }
    }

    pub(crate) fn opened(self: &Arc<Self>, fleet: Fleet) {
        // Only the composition root calls this, once.
        drop(self.fleet.set(fleet));
    }

    fn fleet(&self) -> Result<&Fleet, ConnectFault> {
        self.fleet.get().ok_or(ConnectFault::NotApproved)
    }
}

/// What stands between a node and its link, whatever it shows.
pub(crate) fn standing(fleet: &Fleet, id: NodeId) -> Result<(), ConnectFault> {
    let node = fleet.node(id).ok_or(ConnectFault::NotApproved)?;
    if let Some(why) = fleet.fence_of(id) {
        return Err(ConnectFault::Fenced { why });
    }
    match node.admitted() {
        Ok(()) => Ok(()),
        Err("revoked") => Err(ConnectFault::Revoked),
        Err("locked") => Err(ConnectFault::Locked {
            why: "a lock is on this node".to_owned(),
        }),
        Err(_) => Err(ConnectFault::NotApproved),
    }
}

/// Whether this key is the one by which the node is known: the place of a machine that was replaced is another's.
pub(crate) fn is_its_key(fleet: &Fleet, id: NodeId, key: Fingerprint) -> Result<(), ConnectFault> {
    let known = fleet.node(id).and_then(|node| node.key_fingerprint());
    match known {
        Some(known) if known != key.to_string() => Err(ConnectFault::CertificateUnknown {
            why: "another machine has taken this node's place".to_owned(),
        }),
        _ => Ok(()),
    }
}

#[async_trait]
impl Admission for FleetAdmission {
    async fn admit(&self, arrival: &Arrival, _hello: &NodeHello) -> Result<(), ConnectFault> {
        let fleet = self.fleet()?;
        standing(fleet, arrival.node)?;
        is_its_key(fleet, arrival.node, arrival.key)?;
        match arrival.expired_at {
            Some(at) if !fleet.may_return(arrival.node, at) => return Err(ConnectFault::CertificateExpired),
            None if arrival.has_moved => {
                fleet.saw_certificate_by(arrival.node, self.ca.fingerprint().to_string());
            }
            _ => {}
        }
        Ok(())
    }

    fn newest(&self, node: NodeId) -> Option<Passage> {
        let (agent, epoch) = self.fleet.get()?.newest_dial(node)?;
        Some(Passage { agent, epoch })
    }

    async fn keep(&self, node: NodeId, passage: Passage) -> Result<(), ConnectFault> {
        let kept = self.fleet()?.keep_dial(node, passage.agent, passage.epoch).await;
        kept.map_err(|error| unwritten(&error))
    }

    async fn fence(&self, node: NodeId, why: &str) {
        let Some(fleet) = self.fleet.get() else { return };
        if let Err(error) = fleet.fence(node, why).await {
            tracing::error!(node.id = %node, %error, "a fence holds only until this Host stops: it was not written down");
        }
    }

    async fn certify(&self, arrival: &Arrival, request: &[u8]) -> Result<FreshPapers, String> {
        let fleet = self.fleet().map_err(|fault| fault.to_string())?;
        let standing = standing(fleet, arrival.node);
        standing
            .and_then(|()| is_its_key(fleet, arrival.node, arrival.key))
            .map_err(|fault| fault.to_string())?;
        let key = arrival.key.to_string();
        let renewed = fleet
            .renew(arrival.node, &key, request, arrival.expired_at)
            .await
            .map_err(|error| error.to_string())?;
        let not_after = renewed.certified.not_after;
        let chain = renewed.certified.chain.into_iter().map(Into::into).collect();
        Ok(FreshPapers {
            token: Some((renewed.token, not_after)),
            leaf: Some(Issued { chain, not_after }),
            ..FreshPapers::default()
        })
    }

    fn anchors(&self) -> Vec<CertificateDer<'static>> {
        self.ca.anchors()
    }
}

/// Who came cannot be written down, so nobody is let in: two machines could not be told apart later.
fn unwritten(error: &StoreError) -> ConnectFault {
    ConnectFault::Lost {
        why: format!("the Host could not write down who came: {error}"),
    }
}
