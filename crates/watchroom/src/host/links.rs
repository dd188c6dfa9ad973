//! The Host's end of all links, with everything that it asks of the rest.

use std::sync::Arc;
use std::time::Duration;

use watchroom_fleet::{Fleet, Ports};
use watchroom_kit::Ambient;
use watchroom_link::{Hub, LinkSettings};
use watchroom_store::Store;
use watchroom_trust::{
    ClientCa, ClusterCa, OrderSigner, PanelCertificate, join_server_config, link_server_config,
    node_server_config,
};

use super::client_ca;
use crate::config::Config;
use crate::failure::Failure;
use crate::wire::admission::FleetAdmission;
use crate::wire::authority::CaAuthority;
use crate::wire::gateway::LinkGateway;
use crate::wire::tls::{ByAlpn, LinkHandOff};

/// The hub, and the fleet that is reached by it.
pub(super) async fn open(
    ca: &Arc<ClusterCa>,
    store: &Store,
    config: &Config,
    ambient: &Ambient,
) -> Result<(Hub, Fleet), Failure> {
    let admission = Arc::new(FleetAdmission::new(Arc::clone(ca)));
    let signer = OrderSigner::new(Arc::clone(ca), ambient).map_err(Failure::trust)?;
    let times = LinkSettings {
        heartbeat_every: Duration::from_secs(config.cluster.heartbeat_s.into()),
        ..LinkSettings::default()
    };
    let hub = Hub::new(ambient.clone(), times, admission.clone(), Arc::new(signer));
    let ports = Ports {
        gateway: Arc::new(LinkGateway {
            hub: hub.clone(),
            ambient: ambient.clone(),
        }),
        authority: Arc::new(CaAuthority {
            ca: Arc::clone(ca),
            ambient: ambient.clone(),
        }),
    };
    let (liveness, rules) = (config.cluster.clone(), config.join.clone());
    let fleet = Fleet::open(store.clone(), ports, liveness, rules, ambient.clone()).await?;
    admission.opened(fleet.clone());
    Ok((hub, fleet))
}

/// Which end of TLS a connection meets: a node, a machine that asks to join, or a browser.
pub(super) fn doors(
    ca: &Arc<ClusterCa>,
    hub: &Hub,
    (certificate, client_ca): (&Arc<PanelCertificate>, Option<&Arc<ClientCa>>),
    config: &Config,
    ambient: &Ambient,
) -> Result<ByAlpn, Failure> {
    Ok(ByAlpn {
        panel: client_ca::serve(certificate, client_ca, config, ambient)?,
        link: link_server_config(Arc::clone(ca), ambient).map_err(Failure::trust)?,
        join: join_server_config(Arc::clone(ca), ambient).map_err(Failure::trust)?,
        node: node_server_config(Arc::clone(ca), ambient).map_err(Failure::trust)?,
        node_name: ca.cluster_id().host_name(),
        hub: Arc::new(LinkHandOff {
            hub: hub.clone(),
            ca: Arc::clone(ca),
            clock: ambient.clock.clone(),
        }),
        certificate: Arc::clone(certificate),
    })
}
