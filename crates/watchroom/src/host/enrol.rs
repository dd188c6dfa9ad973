//! The Host enrols its own machine: an id, and at each start a fresh certificate to begin with.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use watchroom_fleet::nodes::LocalNode;
use watchroom_kit::FaultKind;
use watchroom_model::{NodeId, NodeName};
use watchroom_store::StoreError;
use watchroom_trust::NodeKey;

use super::Host;
use crate::config::Config;
use crate::failure::Failure;
use crate::node_identity::NodeIdentity;

pub(super) async fn enrol(
    host: &Host,
    state: &Path,
    config: &Config,
    address: String,
) -> Result<(), Failure> {
    watchroom_kit::files::private_folder(&state.join("node")).map_err(Failure::trust)?;
    let known = NodeIdentity::read(state)?;
    let node = host.role.identity().node;
    let name = name(config, known.as_ref());
    let renewal = Renewal {
        node,
        name,
        addresses: vec![address],
        state: state.to_owned(),
    };
    // From here on the node renews its certificate over its link, like every other.
    renewal.renew(host).await
}

struct Renewal {
    node: NodeId,
    name: NodeName,
    addresses: Vec<String>,
    state: PathBuf,
}

impl Renewal {
    async fn renew(&self, host: &Host) -> Result<(), Failure> {
        let identity = self.issue(&host.cluster_ca, &host.ambient)?;
        let enrolled = host.fleet.enrol_local(self.record(identity.not_after)).await;
        enrolled.map_err(|error| match error {
            StoreError::Taken {
                constraint: "node_name_key",
            } => {
                let cause = format!("another machine of this cluster is called {}", self.name);
                Failure::new(FaultKind::Conflict, cause)
                    .next_step("give this one a name of its own (node.name); or remove that one from the cluster, if it is gone")
            }
            error => error.into(),
        })
    }

    fn issue(
        &self,
        ca: &watchroom_trust::ClusterCa,
        ambient: &watchroom_kit::Ambient,
    ) -> Result<NodeIdentity, Failure> {
        let request = NodeKey::open_or_make(&self.state)
            .and_then(|key| key.request())
            .map_err(Failure::trust)?;
        let issued = ca
            .issue_node_leaf(self.node.as_uuid(), &request, ambient)
            .map_err(Failure::trust)?;
        let (name, addresses) = (self.name.clone(), self.addresses.clone());
        let identity = NodeIdentity {
            is_local: true,
            ..NodeIdentity::new(self.node, name, ca.cluster_id(), addresses, issued)
        };
        identity.write(&self.state)?;
        Ok(identity)
    }

    fn record(&self, certificate_expires_at: OffsetDateTime) -> LocalNode {
        LocalNode {
            id: self.node,
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            certificate_expires_at,
        }
    }
}

/// The configured name, else the one it has, else the machine's.
fn name(config: &Config, known: Option<&NodeIdentity>) -> NodeName {
    let machine = || gethostname::gethostname().to_string_lossy().parse().ok();
    let fixed = config
        .node
        .name
        .clone()
        .or_else(|| known.map(|identity| identity.name.clone()));
    fixed.or_else(machine).unwrap_or_else(NodeName::fallback)
}
