//! The cluster at a glance: counts, and whether a person is needed.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use watchroom_model::{NodeStatus, ServerStatus};
use watchroom_policy::{Principal, Reach, permission, reach};
use watchroom_store::StoreError;

use crate::Fleet;

/// Whether anybody has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is as it is meant to be.
    Good,
    /// Something waits for a person, or a node is late.
    Attention,
    /// A node is offline, or a server has failed.
    Trouble,
}

/// The cluster as one principal sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClusterStatus {
    /// Which cluster.
    pub cluster_id: Uuid,
    /// Overall.
    pub health: Health,
    /// Why it is not good, for people.
    pub reasons: Vec<String>,
    /// Nodes by state (`online`, `late`, `offline`, `revoked`, `locked`), and `total`.
    pub nodes: BTreeMap<String, u64>,
    /// Servers by state, and `total`.
    pub servers: BTreeMap<String, u64>,
    /// Machines that wait to be let in.
    pub pending_requests: u64,
    /// The cluster CA, and how far a change of it has come.
    pub ca: CaStatus,
}

/// The cluster CA as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaStatus {
    /// The fingerprint of the CA that signs.
    pub fingerprint: String,
    /// Until when the one before it is trusted at the latest, while it still is.
    #[serde(with = "time::serde::rfc3339::option")]
    pub retires_at: Option<OffsetDateTime>,
    /// Nodes whose certificate is by the CA that signs.
    pub moved: u64,
    /// Nodes whose certificate is by the one before it, or not seen yet.
    pub left: u64,
}

impl Fleet {
    /// Which cluster this is.
    #[must_use]
    pub fn cluster_id(&self) -> Uuid {
        self.authority().cluster()
    }

    /// Counts what the principal may see.
    ///
    /// # Errors
    /// [`StoreError`] if the requests cannot be counted.
    pub async fn cluster_status(&self, principal: &Principal) -> Result<ClusterStatus, StoreError> {
        let pending_requests = self.pending_join_requests().await?;
        let now = self.ambient().now();
        let (mut reasons, mut worst) = (Vec::new(), Health::Good);
        let mut nodes = BTreeMap::from([("total".to_owned(), 0)]);
        let seen = reach(principal, permission::NODES_READ);
        for node in self.known_nodes().values().filter(|node| seen.covers(&***node)) {
            let status = node.status(now, self.liveness());
            count(&mut nodes, crate::servers::word(&status));
            match status {
                NodeStatus::Offline => {
                    worst = Health::Trouble;
                    reasons.push(format!("node {} is offline", node.name()));
                }
                NodeStatus::Late | NodeStatus::Locked => {
                    worst = worst.or(Health::Attention);
                    reasons.push(format!(
                        "node {} is {}",
                        node.name(),
                        crate::servers::word(&status)
                    ));
                }
                NodeStatus::Online | NodeStatus::Pending | NodeStatus::Revoked => {}
            }
        }
        let mut servers = BTreeMap::from([("total".to_owned(), 0)]);
        let seen = reach(principal, permission::COMPUTE_READ);
        for server in self
            .known_servers()
            .values()
            .filter(|server| seen.covers(&***server))
        {
            let status = server.report().status;
            count(&mut servers, crate::servers::word(&status));
            if matches!(status, ServerStatus::Failed | ServerStatus::CrashLoop) {
                worst = Health::Trouble;
                reasons.push(format!("server {} has failed", server.spec().name));
            }
        }
        if pending_requests > 0 {
            worst = worst.or(Health::Attention);
            reasons.push(match pending_requests {
                1 => "1 machine waits to be let in".to_owned(),
                many => format!("{many} machines wait to be let in"),
            });
        }
        Ok(ClusterStatus {
            cluster_id: self.authority().cluster(),
            health: worst,
            reasons,
            nodes,
            servers,
            pending_requests,
            ca: self.ca_status(&reach(principal, permission::NODES_READ)),
        })
    }

    fn ca_status(&self, seen: &Reach) -> CaStatus {
        let fingerprint = self.authority().fingerprint(&self.authority().ca());
        let behind: HashSet<_> = self.certified_by_others(&fingerprint).into_iter().collect();
        let admitted = self
            .known_nodes()
            .values()
            .filter(|node| node.admitted().is_ok() && seen.covers(&***node))
            .map(|node| behind.contains(&node.id()))
            .collect::<Vec<_>>();
        let left = admitted.iter().filter(|is_behind| **is_behind).count() as u64;
        CaStatus {
            fingerprint,
            retires_at: self.authority().retires_at(),
            moved: admitted.len() as u64 - left,
            left,
        }
    }
}

impl Health {
    /// The worse of two.
    fn or(self, other: Self) -> Self {
        if self == Self::Good { other } else { self }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, word: String) {
    *counts.entry(word).or_default() += 1;
    *counts.entry("total".to_owned()).or_default() += 1;
}
