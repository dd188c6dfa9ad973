//! The cluster at a glance, this Host, and what this machine is.

use axum::Json;
use axum::extract::State;
use http::Method;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use watchroom_fleet::nodes::ClusterStatus;
use watchroom_model::{MachineRole, NodeId};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, Problem, Route};

use crate::{Api, Part};

/// What this Host is and how it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HostFacts {
    /// Which cluster it belongs to.
    pub cluster_id: Uuid,
    /// What its machine is.
    pub role: RoleFacts,
    /// The version of this Host.
    pub version: String,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// Where nodes reach it and its replicas.
    pub replicas: Vec<String>,
    /// The certificate that browsers meet; absent if it cannot be read.
    pub certificate: Option<CertificateFacts>,
    /// The SHA-256 of the cluster's CA, which join URLs hold.
    pub cluster_ca: String,
    /// Its parts, the database among them, each really asked, and what is wrong with them.
    pub parts: Vec<Part>,
}

/// A certificate in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificateFacts {
    /// Its SHA-256.
    pub fingerprint: String,
    /// Until when it is valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Whether this Host made it, and so renews it.
    pub made_by_us: bool,
}

/// What this machine is, as it is written down twice.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct RoleFacts {
    /// Its role.
    pub role: MachineRole,
    /// Which cluster it belongs to.
    pub cluster_id: Uuid,
    /// Its own node.
    pub node_id: NodeId,
}

pub(super) fn routes() -> Vec<Route<Api>> {
    let read = RouteClass::Read;
    vec![
        Route::new(Method::GET, "/api/cluster/status", act::ShowCluster, read, status)
            .says("Counts and overall health")
            .gives::<ClusterStatus>(),
        Route::new(
            Method::GET,
            "/api/cluster/host-status",
            act::ShowCluster,
            read,
            host,
        )
        .says("This Host: replicas, version, uptime, certificate, database")
        .gives::<HostFacts>(),
        Route::new(Method::GET, "/api/cluster/role", act::SeeRole, read, role)
            .says("What this machine is")
            .gives::<RoleFacts>(),
    ]
}

async fn status(caller: Caller, State(api): State<Api>) -> Result<Json<ClusterStatus>, Problem> {
    caller.permit(act::ShowCluster, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.fleet.cluster_status(caller.principal()).await?))
}

async fn host(caller: Caller, State(api): State<Api>) -> Result<Json<HostFacts>, Problem> {
    caller.permit(act::ShowCluster, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.vitals.facts().await))
}

async fn role(caller: Caller, State(api): State<Api>) -> Result<Json<RoleFacts>, Problem> {
    caller.permit(act::SeeRole, &Resource::all(ResourceKind::Host))?;
    Ok(Json(api.vitals.role()))
}
