//! Whether the Host lives: its database, its own door, and its own node, each really asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use watchroom_api::{CertificateFacts, HostFacts, Part, RoleFacts, Vitals};
use watchroom_fleet::Fleet;
use watchroom_kit::Clock;
use watchroom_link::Hub;
use watchroom_shield::Shield;
use watchroom_store::Store;
use watchroom_trust::{ClusterCa, PanelCertificate};

use crate::role_file::{HostRole, Identity};

/// Longest wait for any one part.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long an answer stands, so that asking often costs nothing.
const STANDS_FOR: Duration = Duration::from_millis(500);

/// The parts that are asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) fleet: Fleet,
    pub(crate) shield: Shield,
    pub(crate) certificate: Arc<PanelCertificate>,
    pub(crate) ca: Arc<ClusterCa>,
    pub(crate) role: Arc<HostRole>,
    pub(crate) clock: Clock,
}

/// Asks the parts of this Host.
#[derive(Debug)]
pub(crate) struct HostVitals {
    asked: Asked,
    door: OnceLock<SocketAddr>,
    runs_node: OnceLock<()>,
    last: Mutex<Option<(Duration, Vec<Part>)>>,
}

impl HostVitals {
    pub(crate) fn new(asked: Asked) -> Self {
        Self {
            asked,
            door: OnceLock::new(),
            runs_node: OnceLock::new(),
            last: Mutex::default(),
        }
    }

    /// The panel's listener is bound here.
    pub(crate) fn answers_at(&self, address: SocketAddr) {
        self.door.get_or_init(|| loopback_of(address));
    }

    /// A node runs in this process: without its link the Host is not whole.
    pub(crate) fn expect_local_node(&self) {
        self.runs_node.get_or_init(|| ());
    }

    async fn ask(&self) -> Vec<Part> {
        let (database, door) = tokio::join!(self.database(), self.door());
        let mut parts = vec![
            Part {
                name: "database",
                trouble: database,
                weakness: None,
            },
            Part {
                name: "link",
                trouble: door,
                weakness: None,
            },
            Part {
                name: "limits",
                trouble: None,
                weakness: self.limits(),
            },
        ];
        if self.runs_node.get().is_some() {
            parts.push(Part {
                name: "node",
                trouble: self.local_node(),
                weakness: None,
            });
        }
        parts
    }

    async fn database(&self) -> Option<String> {
        match timeout(PATIENCE, self.asked.store.ready()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it did not answer in time".to_owned()),
        }
    }

    async fn door(&self) -> Option<String> {
        let Some(address) = self.door.get() else {
            return Some("nothing listens yet".to_owned());
        };
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("{address} does not answer: {error}")),
            Err(_) => Some(format!("{address} did not answer in time")),
        }
    }

    /// Limits hold without Redis too, but each Host then counts for itself.
    fn limits(&self) -> Option<String> {
        let why = self.asked.shield.limits().trouble()?;
        Some(format!(
            "counted by this Host alone, since Redis does not answer: {why}"
        ))
    }

    fn certificate(&self) -> Option<CertificateFacts> {
        let report = match self.asked.certificate.report() {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(%error, "the panel's certificate cannot be reported on");
                return None;
            }
        };
        Some(CertificateFacts {
            fingerprint: self.asked.certificate.fingerprint().to_string(),
            not_after: report.not_after,
            made_by_us: report.made_by_us,
        })
    }

    fn local_node(&self) -> Option<String> {
        let node = self.asked.fleet.local_node()?;
        self.asked
            .hub
            .link(node.id())
            .is_none()
            .then(|| "the local node has no link".to_owned())
    }
}

#[async_trait]
impl Vitals for HostVitals {
    async fn parts(&self) -> Vec<Part> {
        let mut last = self.last.lock().await;
        let now = self.asked.clock.elapsed();
        if let Some((at, parts)) = last.as_ref()
            && now.saturating_sub(*at) < STANDS_FOR
        {
            return parts.clone();
        }
        let parts = self.ask().await;
        *last = Some((self.asked.clock.elapsed(), parts.clone()));
        parts
    }

    async fn facts(&self) -> HostFacts {
        let Asked { fleet, ca, clock, .. } = &self.asked;
        HostFacts {
            cluster_id: fleet.cluster_id(),
            role: self.role(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: clock.elapsed().as_secs(),
            replicas: fleet.addresses().to_vec(),
            certificate: self.certificate(),
            cluster_ca: ca.fingerprint().to_string(),
            parts: self.parts().await,
        }
    }

    fn role(&self) -> RoleFacts {
        let Identity { role, cluster, node } = self.asked.role.identity();
        RoleFacts {
            role,
            cluster_id: cluster.as_uuid(),
            node_id: node,
        }
    }
}

/// An address by which this machine reaches its own listener.
pub(crate) fn loopback_of(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, bound.port())
}
